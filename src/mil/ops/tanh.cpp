#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::tanh(x); }

}  // namespace

extern constinit const OpDef k_tanh{.name = "tanh",
                                    .parameters = kParameters,
                                    .infer = infer_like_first,
                                    .eval = eval_elementwise<apply>,
                                    .doc = "The hyperbolic tangent of x."};

}  // namespace anemone::mil
