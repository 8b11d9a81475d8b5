#include <algorithm>
#include <cmath>

#include "mil/ops/affine_quantization.h"
#include "mil/ops/inference.h"
#include "mil/ops/rounding.h"

namespace anemone::mil {
namespace {

enum : size_t { kInput, kZeroPoint, kScale, kAxis, kOutputDtype };
constexpr DTypeSet kQuantized{DType::int8, DType::uint8};
constexpr Parameter kParameters[] = {
    {"input", kFloat},
    {"zero_point", kQuantized, Presence::optional, BindingRule::constant},
    {"scale", kFloat, Presence::required, BindingRule::constant},
    {"axis", kInt32, Presence::optional, BindingRule::constant},
    {"output_dtype", kString, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const auto dtype = parse_dtype(in.text(kOutputDtype, ""));
  if (!dtype || !kQuantized.contains(*dtype))
    return violates("c4", "output_dtype is \"{}\", expected int8 or uint8",
                    in.text(kOutputDtype, ""));
  if (in.has(kZeroPoint) && in.dtype(kZeroPoint) != *dtype)
    return violates("c4", "zero_point is {} and output_dtype {}", to_string(in.dtype(kZeroPoint)),
                    to_string(*dtype));
  if (in.dtype(kScale) != in.dtype(kInput))
    return violates("c5", "scale is {} and input {}", to_string(in.dtype(kScale)),
                    to_string(in.dtype(kInput)));
  if (const auto wrong = check_quantization(in, kInput, kScale, kZeroPoint, kAxis)) return *wrong;
  return infers(*dtype, in.shape(kInput));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& input = *in.value(kInput);
  const size_t axis = quantization_axis(in, kInput, kAxis);
  const AlongAxis scale(in.value(kScale), input.shape(), axis, 1);
  const AlongAxis zero_point(in.value(kZeroPoint), input.shape(), axis, 0);
  for (int64_t i = 0; i < input.element_count(); ++i) {
    const double steps = std::nearbyint(round_to(input.dtype(), input.at(i) / scale(i)));
    outputs[0].set(i, steps + zero_point(i));
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_quantize{
    .name = "quantize",
    .first_opset = 17,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "round(input / scale) + zero_point, clipped to output_dtype; the quotient is rounded to "
        "input's dtype first, then halves go to the even integer."};

}  // namespace anemone::mil
