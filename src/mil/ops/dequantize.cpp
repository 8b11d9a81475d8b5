#include "mil/ops/affine_quantization.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kInput, kZeroPoint, kScale, kAxis };
constexpr DTypeSet kQuantized{DType::int8, DType::uint8};
constexpr Parameter kParameters[] = {
    {"input", kQuantized},
    {"zero_point", kQuantized, Presence::optional, BindingRule::constant},
    {"scale", kFloat, Presence::required, BindingRule::constant},
    {"axis", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  if (in.has(kZeroPoint) && in.dtype(kZeroPoint) != in.dtype(kInput))
    return violates("c4", "zero_point is {} and input {}", to_string(in.dtype(kZeroPoint)),
                    to_string(in.dtype(kInput)));
  if (const auto wrong = check_quantization(in, kInput, kScale, kZeroPoint, kAxis)) return *wrong;
  return infers(in.dtype(kScale), in.shape(kInput));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& input = *in.value(kInput);
  const size_t axis = quantization_axis(in, kInput, kAxis);
  const AlongAxis scale(in.value(kScale), input.shape(), axis, 1);
  const AlongAxis zero_point(in.value(kZeroPoint), input.shape(), axis, 0);
  for (int64_t i = 0; i < input.element_count(); ++i)
    outputs[0].set(i, scale(i) * (input.at(i) - zero_point(i)));
  return {};
}

}  // namespace

extern constinit const OpDef k_dequantize{
    .name = "dequantize",
    .first_opset = 17,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "scale * (input - zero_point), rounded once; scale and "
        "zero_point are scalars or run along axis."};

}  // namespace anemone::mil
