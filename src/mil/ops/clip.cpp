#include <algorithm>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAlpha, kBeta };
constexpr Parameter kParameters[] = {{"x", kFloat},
                                     {"alpha", kFloat, Presence::required, BindingRule::constant},
                                     {"beta", kFloat, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t outputs) {
  const double alpha = in.number(kAlpha, 0);
  const double beta = in.number(kBeta, 0);
  constexpr int kStrictOpset = 17;  // before, alpha >= beta was let through
  if (in.opset() >= kStrictOpset && !(alpha < beta))
    return violates("c1", "alpha is {} and beta is {}, expected alpha < beta", alpha, beta);
  return infer_like_first(in, outputs);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double alpha = in.number(kAlpha, 0);
  const double beta = in.number(kBeta, 0);
  map_elements(*in.value(kX), outputs[0],
               [alpha, beta](double x) { return std::min(std::max(x, alpha), beta); });
  return {};
}

}  // namespace

extern constinit const OpDef k_clip{.name = "clip",
                                    .parameters = kParameters,
                                    .infer = infer,
                                    .eval = eval,
                                    .doc = "min(max(x, alpha), beta); NaN stays NaN."};

}  // namespace anemone::mil
