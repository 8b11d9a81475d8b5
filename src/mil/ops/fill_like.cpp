#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kRefTensor, kValue };
constexpr Parameter kParameters[] = {{"ref_tensor", kAny},
                                     {"value", kData, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  return infers(in.has(kValue) ? in.dtype(kValue) : DType::fp32, in.shape(kRefTensor));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double value = in.number(kValue, 0);
  for (int64_t i = 0; i < outputs[0].element_count(); ++i) outputs[0].set(i, value);
  return {};
}

}  // namespace

extern constinit const OpDef k_fill_like{
    .name = "fill_like",
    .first_opset = 16,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "A tensor of another's shape that holds one value (fp32 0 "
        "by default)."};

}  // namespace anemone::mil
