#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "anemone/language_model.h"
#include "lm/pipeline.h"

namespace anemone::lm {

/// Opens and loads one package. Errors carry the path.
Result<std::shared_ptr<runtime::Model>> load_package(const std::filesystem::path& path,
                                                     const runtime::Options& options);

/// Metadata key of packages whose functions take a window mask: how many tokens it shows, the row's
/// own included.
inline constexpr const char* kWindowKey = "anemone.window";

/// A runner of `function` for its declared shapes, with `rows` tokens where input_ids is flexible.
Result<Pipeline::Stage> make_stage(runtime::Model& model,
                                   const package::FunctionDescription& function, int64_t rows,
                                   std::string label);

/// Adds the states of `model` to `state`. Errors: mismatch when a state of that name has another
/// shape (names both packages and shapes).
Status join_states(runtime::State& state, const runtime::Model& model);

/// SHA-256 over names and bytes of the files of all packages, in the order given, and then of
/// `settings`, files beside them that change what the model computes: the identity of a model.
Result<std::string> hash_packages(std::span<const std::shared_ptr<runtime::Model>> packages,
                                  std::span<const std::filesystem::path> settings = {});

}  // namespace anemone::lm
