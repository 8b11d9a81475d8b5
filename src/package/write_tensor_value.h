#pragma once

#include "anemone/tensor.h"
#include "package/write_wire.h"

namespace anemone::package {

/// The contents of a TensorValue: `tensor` in the list that coremltools uses for its dtype.
void write_tensor_value(Writer& message, const Tensor& tensor);

/// Bytes that the elements of `tensor` take in that list.
uint64_t encoded_bytes(const Tensor& tensor);

}  // namespace anemone::package
