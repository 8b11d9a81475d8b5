#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "anemone/bench.h"
#include "base/json_document.h"

/// Whether a run can be held against a baseline's document (docs/benchmarks.md, Baselines).
namespace anemone::bench {

/// More or fewer bytes of weights by this share are another compression or another model.
inline constexpr double kMostOtherWeights = 0.1;

/// Of what speed depends on and no id has. Documents of older versions do not say all of it.
/// Errors: mismatch.
Status check_settings(const Json& document, const Report& report);

/// The model by its content: kind, arithmetic and, of every pair of configurations, size of the
/// weights; its name says nothing. One configuration of the sweep must be the baseline's. Looks at
/// no measurement. Errors: mismatch, corrupt.
Status check_model(const Json& document, const Report& report);

/// What of an equal configuration is not as in the baseline, though they are compared.
enum class Weights : uint8_t { same, other, of_other_size };
Weights weights_of(const Json& before, const Configuration& after);
/// Bytes of weights; nothing where the document does not say.
std::optional<uint64_t> weight_bytes_of(const Json& before);

/// Which configurations ran other packages when the baseline was measured; empty: none. CHECKs
/// that `check_model` takes the document.
std::string remark_on_weights(const Json& document, const Report& report);

/// By the same backend, on the units that the configuration names. Older documents do not say.
bool ran_alike(const Json& before, const Configuration& after);

/// Whether the run should have measured what it has not, as itself or, with other blocks or chunks,
/// as a configuration that the baseline does not have. One that Core ML's CPU ran for the Neural
/// Engine in the baseline alone is no loss.
bool is_lost(const Json& before, const std::vector<const Json*>& baseline, const Report& report);

}  // namespace anemone::bench
