#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kShape, kValue };
constexpr Parameter kParameters[] = {{"shape", kInt32},
                                     {"value", kData, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  return infer_shape_given(in, kShape, in.has(kValue) ? in.dtype(kValue) : DType::fp32);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double value = in.number(kValue, 0);
  for (int64_t i = 0; i < outputs[0].element_count(); ++i) outputs[0].set(i, value);
  return {};
}

}  // namespace

extern constinit const OpDef k_fill{
    .name = "fill",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "A tensor of the given shape that holds one value (fp32 0 by "
        "default)."};

}  // namespace anemone::mil
