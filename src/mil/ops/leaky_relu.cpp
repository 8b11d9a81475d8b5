#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAlpha };
constexpr Parameter kParameters[] = {{"x", kFloat},
                                     {"alpha", kFloat, Presence::required, BindingRule::constant}};

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double alpha = in.number(kAlpha, 0);
  map_elements(*in.value(kX), outputs[0], [alpha](double x) { return x < 0 ? alpha * x : x; });
  return {};
}

}  // namespace

extern constinit const OpDef k_leaky_relu{.name = "leaky_relu",
                                          .parameters = kParameters,
                                          .infer = infer_like_first,
                                          .eval = eval,
                                          .doc = "x where x >= 0, else alpha * x."};

}  // namespace anemone::mil
