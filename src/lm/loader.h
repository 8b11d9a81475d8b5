#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "anemone/language_model.h"
#include "lm/pipeline.h"

namespace anemone::lm {

/// Opens and loads one package, which runs on the threads of `pool`. Errors carry the path.
Result<std::shared_ptr<runtime::Model>> load_package(
    const std::filesystem::path& path, const runtime::Options& options,
    const std::shared_ptr<runtime::ThreadPool>& pool);

/// Metadata key of packages whose functions take a window mask: how many tokens it shows, the row's
/// own included.
inline constexpr const char* kWindowKey = "anemone.window";

/// A runner of `function` (and the means to make others, while `model` lives) for its declared
/// shapes, with `rows` tokens where input_ids is flexible. Errors: unsupported (an input that no
/// role says how to fill), mismatch (an input whose dtype or count does not suit `rows` tokens).
Result<Pipeline::Stage> make_stage(runtime::Model& model,
                                   const package::FunctionDescription& function, int64_t rows,
                                   std::string label);

/// Refuses a causal mask that is wider than the longest cache, [.., rows, D].
Status check_state_rows(const runtime::State& state, int64_t columns);

/// Adds the states of `model` to `state`. Errors: mismatch when a state of that name has another
/// shape (names both packages and shapes).
Status join_states(runtime::State& state, const runtime::Model& model);

/// What runs all packages of a model together: Core ML as soon as one runs there. The notes name
/// their package; then follow the variables that Core ML found.
runtime::Execution join_executions(std::span<const std::shared_ptr<runtime::Model>> packages);

/// BLAKE3 over names and bytes of the files of all packages, in the order given, and then of
/// `settings`, files beside them that change what the model computes: the identity of a model. The
/// lengths of names and bytes are part of it, so no two lists of files read alike. Reads every
/// file.
Result<std::string> hash_packages(std::span<const std::shared_ptr<runtime::Model>> packages,
                                  std::span<const std::filesystem::path> settings = {});

}  // namespace anemone::lm
