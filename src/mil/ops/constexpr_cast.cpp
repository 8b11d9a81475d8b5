#include "mil/ops/elementwise.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kSourceVal, kOutputDtype };
constexpr Parameter kParameters[] = {
    {"source_val", {DType::fp16}, Presence::required, BindingRule::constant},
    {"output_dtype", kString, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const std::string_view dtype = in.text(kOutputDtype, "fp32");
  if (dtype != "fp32") return violates("c1", "output_dtype is \"{}\", expected fp32", dtype);
  return infers(DType::fp32, in.shape(kSourceVal));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  map_elements(*in.value(kSourceVal), outputs[0], [](double x) { return x; });
  return {};
}

}  // namespace

extern constinit const OpDef k_constexpr_cast{.name = "constexpr_cast",
                                              .first_opset = 16,
                                              .parameters = kParameters,
                                              .infer = infer,
                                              .eval = eval,
                                              .doc = "The fp16 constant source_val as fp32."};

}  // namespace anemone::mil
