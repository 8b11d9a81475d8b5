#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "anemone/tensor.h"

/// Which channel of a point is off by far more than the others are, as one changed row of a weight
/// makes it, however little it shows in the whole.
namespace anemone::probe {

/// Error of each channel of `model` / `scale` against `reference`, both fp32 [T, C]: the root of
/// its mean square over that of the reference's channel, to which the median of all channels is
/// added, so that channels close to zero count no more than others. Empty where a value is not
/// finite.
std::vector<double> channel_errors(const Tensor& reference, const Tensor& model, double scale);

/// The worst channel if its error is no rounding and far above the median and the 95th percentile
/// of all. `before`: errors of the same channels in what a point is made of channel by channel, as
/// a norm is of the residual stream; those are no news. Empty where there is no such thing.
std::optional<int64_t> stray_channel(const std::vector<double>& errors,
                                     const std::vector<double>& before);

}  // namespace anemone::probe
