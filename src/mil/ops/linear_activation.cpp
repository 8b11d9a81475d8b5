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
  map_elements(*in.value(kX), outputs[0], [alpha, beta](double x) { return alpha * x + beta; });
  return {};
}

}  // namespace

extern constinit const OpDef k_linear_activation{.name = "linear_activation",
                                                 .parameters = kParameters,
                                                 .infer = infer_like_first,
                                                 .eval = eval,
                                                 .doc = "alpha * x + beta."};

}  // namespace anemone::mil
