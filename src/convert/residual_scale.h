#pragma once

#include <functional>
#include <string_view>

#include "convert/plan.h"

namespace anemone::converter {

/// How large the residual stream may become, estimated from all weights and no text: in each
/// channel what an embedding has at most, what a norm after a branch lets through at most, biases,
/// and of other branches what their weights give to random inputs, with room above.
/// Reads every weight that leads into the stream, a few MB at a time. Before each, and after the
/// last without a name, `progress` is told how many of all are done.
/// Errors: those of reading weights and of `progress`.
using ReadProgress = std::function<Status(std::string_view tensor, uint64_t done, uint64_t total)>;
Result<double> residual_peak(const Source& source, const ReadProgress& progress);

/// The largest power of two, at most 1, that brings `peak` below what the sums of the Neural
/// Engine hold.
double scale_below_overflow(double peak);

}  // namespace anemone::converter
