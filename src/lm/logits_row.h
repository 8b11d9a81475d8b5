#pragma once

#include <cstring>
#include <span>

#include "anemone/tensor.h"
#include "runtime/convert_halves.h"

namespace anemone::lm {

/// Row `row` of a [.., V] tensor of fp16 or fp32, as fp32.
inline void copy_logits_row(const Tensor& source, int64_t row, int64_t width,
                            std::span<float> target) {
  const auto offset = static_cast<size_t>(row * width);
  const auto count = static_cast<size_t>(width);
  if (source.dtype() == DType::fp32) {
    std::memcpy(target.data(), source.values<float>().data() + offset, count * sizeof(float));
  } else if (source.dtype() == DType::fp16) {
    runtime::convert_halves(source.values<uint16_t>().subspan(offset, count), target);
  } else {
    for (size_t i = 0; i < count; ++i)
      target[i] = static_cast<float>(source.at(static_cast<int64_t>(offset + i)));
  }
}

}  // namespace anemone::lm
