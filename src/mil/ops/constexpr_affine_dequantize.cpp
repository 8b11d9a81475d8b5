#include "mil/ops/affine_quantization.h"
#include "mil/ops/inference.h"
#include "mil/ops/rounding.h"

namespace anemone::mil {
namespace {

enum : size_t { kData, kZeroPoint, kScale, kAxis };
constexpr Parameter kParameters[] = {
    {"quantized_data", {DType::int8, DType::uint8}, Presence::required, BindingRule::constant},
    {"zero_point",
     {DType::int8, DType::uint8, DType::fp32},
     Presence::required,
     BindingRule::constant},
    {"scale", kFloat, Presence::required, BindingRule::constant},
    {"axis", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& data = in.shape(kData);
  const int64_t axis = in.integer(kAxis, 0);
  const auto front = axis_from_front(axis, data.rank());
  if (!front)
    return violates("c1", "axis {} is outside the {} axes of quantized_data", axis, data.rank());
  for (const size_t p : {kScale, kZeroPoint})
    if (!fits_axis(in.shape(p), data, *front))
      return violates("c2", "{} is {}, expected a scalar or [{}]", kParameters[p].name,
                      in.shape(p).to_string(), data[*front]);
  return infers(in.dtype(kScale), data);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& data = *in.value(kData);
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), data.shape().rank());
  const AlongAxis scale(in.value(kScale), data.shape(), axis, 1);
  const AlongAxis zero_point(in.value(kZeroPoint), data.shape(), axis, 0);
  const DType dtype = in.dtype(kScale);
  for (int64_t i = 0; i < data.element_count(); ++i) {
    const double shifted = round_to(DType::fp32, data.at(i) - zero_point(i));
    const double scaled = round_to(DType::fp32, scale(i) * shifted);
    outputs[0].set(i, round_to(dtype, scaled));
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_constexpr_affine_dequantize{
    .name = "constexpr_affine_dequantize",
    .first_opset = 16,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "scale * (quantized_data - zero_point) in fp32, rounded to scale's dtype; scale and "
        "zero_point are scalars or run along axis."};

}  // namespace anemone::mil
