#include "mil/ops/inference.h"
#include "mil/ops/shift_scale.h"

namespace anemone::mil {
namespace {

enum : size_t { kData, kScale, kOffset };
constexpr DTypeSet kStored =
    DTypeSet{DType::int4, DType::uint4, DType::int8, DType::uint8} | kFloat;
constexpr Parameter kParameters[] = {
    {"data", kStored, Presence::required, BindingRule::constant},
    {"scale", kFloat, Presence::required, BindingRule::constant},
    {"offset", kStored, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& data = in.shape(kData);
  if (auto wrong = check_shift_scale(in, data, in.dtype(kData), kScale, kOffset)) return *wrong;
  return infers(in.dtype(kScale), data);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& data = *in.value(kData);
  ShiftScale shift_scale(in, data.shape(), kScale, kOffset);
  for (int64_t i = 0; i < data.element_count(); ++i) outputs[0].set(i, shift_scale(i, data.at(i)));
  return {};
}

}  // namespace

extern constinit const OpDef k_constexpr_blockwise_shift_scale{
    .name = "constexpr_blockwise_shift_scale",
    .first_opset = 18,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "scale * (data - offset), each operation rounded to scale's dtype (fp32 with an fp32 "
        "offset); the axes of scale divide those of data into blocks."};

}  // namespace anemone::mil
