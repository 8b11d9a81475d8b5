#pragma once

#include "anemone/program.h"
#include "package/wire.h"

namespace anemone::package {

/// Reads a `TensorValue` as `type`, in any encoding that holds it without loss of range: `bytes`
/// (little-endian, sub-byte elements packed) for every number, `ints` for every integer, and so on.
/// Errors: corrupt (element count, a value outside its type, an encoding of another kind).
Result<Tensor> read_tensor_value(const Message& message, const mil::TensorType& type);

}  // namespace anemone::package
