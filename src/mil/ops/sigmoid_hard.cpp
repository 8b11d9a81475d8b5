#include <algorithm>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAlpha, kBeta };
constexpr Parameter kParameters[] = {{"x", kFloat},
                                     {"alpha", kFloat, Presence::required, BindingRule::constant},
                                     {"beta", kFloat, Presence::required, BindingRule::constant}};

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double alpha = in.number(kAlpha, 0);
  const double beta = in.number(kBeta, 0);
  map_elements(*in.value(kX), outputs[0],
               [alpha, beta](double x) { return std::clamp(alpha * x + beta, 0.0, 1.0); });
  return {};
}

}  // namespace

extern constinit const OpDef k_sigmoid_hard{.name = "sigmoid_hard",
                                            .parameters = kParameters,
                                            .infer = infer_like_first,
                                            .eval = eval,
                                            .doc = "min(max(alpha * x + beta, 0), 1)."};

}  // namespace anemone::mil
