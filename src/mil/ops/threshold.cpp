#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAlpha };
constexpr Parameter kParameters[] = {
    {"x", kFloat | kInt32}, {"alpha", kFloat | kInt32, Presence::required, BindingRule::constant}};

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double alpha = in.number(kAlpha, 0);
  map_elements(*in.value(kX), outputs[0], [alpha](double x) { return x < alpha ? alpha : x; });
  return {};
}

}  // namespace

extern constinit const OpDef k_threshold{.name = "threshold",
                                         .parameters = kParameters,
                                         .infer = infer_like_first,
                                         .eval = eval,
                                         .doc = "max(x, alpha); NaN stays NaN."};

}  // namespace anemone::mil
