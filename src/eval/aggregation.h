#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "eval/functions.h"
#include "eval/value.h"

/// Scores of all documents made into one, with Python's order of operations.
namespace anemone::eval {

/// How the standard error of an aggregation is found.
enum class ErrorEstimate : uint8_t { none, of_mean, bootstrap };

struct Aggregation {
  std::string_view name;
  AggregateFunction apply = nullptr;
  ErrorEstimate error = ErrorEstimate::none;
  ItemKind items = ItemKind::number;
};

/// Whether `item` is of the kind that `aggregation` takes.
bool takes(const Aggregation& aggregation, const Value& item);

/// How a samples file shows an item: a distribution as NumPy prints it, others as they are.
Value shown_item(const Aggregation& aggregation, const Value& item);

/// "mean", "perplexity", "weighted_perplexity", "bits_per_byte", "median", "f1",
/// "matthews_corrcoef", "brier_score"; or null.
const Aggregation* find_aggregation(std::string_view name);

/// The standard error of `aggregation` over `items`; nothing when it has none or there are fewer
/// than two items, and of a bootstrap fewer than two replicates. `bootstrap_iterations` 0 gives
/// none at all.
std::optional<double> standard_error(const Aggregation& aggregation, std::span<const Value> items,
                                     int64_t bootstrap_iterations);

}  // namespace anemone::eval
