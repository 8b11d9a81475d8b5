#pragma once

#include "convert/plan.h"

namespace anemone::converter {

/// How large the residual stream may become, from the weights alone: what an embedding has at most,
/// what a norm after a branch lets through at most, and of other branches what weights like these
/// give to random inputs, with room above.
/// Errors: those of reading weights.
Result<double> residual_peak(const Source& source);

/// The largest power of two, at most 1, that brings `peak` below what fp16 holds.
double scale_below_overflow(double peak);

/// Whether the stream passes a norm wherever it is read, so that scaling it changes nothing.
bool can_rescale(const models::Decoder& decoder);

}  // namespace anemone::converter
