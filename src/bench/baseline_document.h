#pragma once

#include <array>
#include <optional>
#include <vector>

#include "anemone/bench.h"
#include "base/json_document.h"
#include "bench/document.h"

/// What is read of a baseline's document. Errors name the place in it.
namespace anemone::bench {

/// What a run and its baseline are compared by.
struct Metric {
  const char* name;
  bool higher_is_better;
  const Series& (*of)(const Measurement& measurement);
  const char* first_key;   ///< in the document, below the configuration.
  const char* second_key;  ///< below that, or null.
  std::optional<double> Visit::*reference;
};
extern const std::array<Metric, 4> kMetrics;

/// The positive samples of one series; none where the document has none. Errors: corrupt.
Result<std::vector<double>> samples_of(const Json& configuration, const Metric& metric);

/// The visits of a configuration; documents of older versions say nothing of this reference work
/// (`reference_ns` was of another one), or of visits at all. Errors: corrupt.
Result<std::vector<Visit>> visits_in(const Json& configuration);

/// The configurations that were measured; all have ids that a run may write, each once. Errors:
/// corrupt.
Result<std::vector<const Json*>> measured_of(const Json& document);

}  // namespace anemone::bench
