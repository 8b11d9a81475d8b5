#pragma once

#include <cstring>
#include <span>

#include "anemone/tensor.h"
#include "base/float16.h"

namespace anemone::lm {

/// Row `row` of a [.., V] tensor of fp16 or fp32, as fp32.
inline void copy_logits_row(const Tensor& source, int64_t row, int64_t width,
                            std::span<float> target) {
  const auto offset = static_cast<size_t>(row * width);
  const auto count = static_cast<size_t>(width);
  if (source.dtype() == DType::fp32) {
    std::memcpy(target.data(), source.values<float>().data() + offset, count * sizeof(float));
  } else if (source.dtype() == DType::fp16) {
    const auto values = source.values<uint16_t>().subspan(offset, count);
    for (size_t i = 0; i < count; ++i) target[i] = fp16_to_float(values[i]);
  } else {
    for (size_t i = 0; i < count; ++i)
      target[i] = static_cast<float>(source.at(static_cast<int64_t>(offset + i)));
  }
}

}  // namespace anemone::lm
