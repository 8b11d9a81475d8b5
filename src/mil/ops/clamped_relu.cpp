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
               [alpha, beta](double x) { return std::min(x < 0 ? alpha * x : x, beta); });
  return {};
}

}  // namespace

extern constinit const OpDef k_clamped_relu{
    .name = "clamped_relu",
    .parameters = kParameters,
    .infer = infer_like_first,
    .eval = eval,
    .doc = "min(beta, x) where x >= 0, else min(beta, alpha * x)."};

}  // namespace anemone::mil
