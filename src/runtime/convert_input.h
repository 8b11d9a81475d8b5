#pragma once

#include <string_view>

#include "anemone/result.h"
#include "anemone/tensor.h"

namespace anemone::runtime {

/// `given` as `wanted`, the dtype in which the program takes it. Floats are rounded to nearest.
/// Errors: mismatch when the kind of number (bool, integer, float) would change or a finite value
/// has no place in `wanted`; names `input`, a word for the input, and both dtypes.
Result<Tensor> convert_input(const Tensor& given, DType wanted, std::string_view input);

}  // namespace anemone::runtime
