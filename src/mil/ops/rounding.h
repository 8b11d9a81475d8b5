#pragma once

#include "anemone/tensor.h"
#include "base/float16.h"

namespace anemone::mil {

/// `value` as a float of `dtype` (fp16 or fp32) holds it, rounded to nearest even.
inline double round_to(DType dtype, double value) {
  return dtype == DType::fp16 ? static_cast<double>(fp16_to_float(double_to_fp16(value)))
                              : static_cast<double>(static_cast<float>(value));
}

}  // namespace anemone::mil
