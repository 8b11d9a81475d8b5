#pragma once

#include "convert/plan.h"

namespace anemone::converter {

/// How large the residual stream may become, estimated from all weights and no text: in each
/// channel what an embedding has at most, what a norm after a branch lets through at most, biases,
/// and of other branches what their weights give to random inputs, with room above.
/// Reads every weight that leads into the stream, a few MB at a time.
/// Errors: those of reading weights.
Result<double> residual_peak(const Source& source);

/// The largest power of two, at most 1, that brings `peak` below what the sums of the Neural
/// Engine hold.
double scale_below_overflow(double peak);

/// Whether the stream passes a norm wherever it is read, so that scaling it changes nothing.
bool can_rescale(const models::Decoder& decoder);

}  // namespace anemone::converter
