#pragma once

#include "anemone/program.h"

/// Stands for a weight file of zeros that is a few KiB long.
inline anemone::Result<anemone::Tensor> load_zeros(const anemone::mil::BlobReference& reference,
                                                   anemone::DType dtype,
                                                   const anemone::Shape& shape) {
  constexpr int64_t kFileBytes = 4096;
  const auto count = anemone::checked_element_count(shape.dims());
  if (!count || *count > kFileBytes || dtype == anemone::DType::string)
    return anemone::Error{anemone::ErrorCode::corrupt, reference.path + ": too short", {}, {}};
  return anemone::Tensor::zeros(dtype, shape);
}
