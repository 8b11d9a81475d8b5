#pragma once

#include <optional>

#include "anemone/tensor.h"

namespace anemone::probe {

/// A copy as fp32.
Tensor as_floats(const Tensor& tensor);

/// The values as fp32 [rows, channels], rows in order. `channel_axis` from the front, where it is
/// known; else the axis that leaves `rows` rows: channels come first in [1, C, 1, T], last
/// otherwise. A tensor without dimensions is one row of one channel.
Tensor as_rows(const Tensor& tensor, std::optional<size_t> channel_axis, int64_t rows);

}  // namespace anemone::probe
