#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::exp(x); }

}  // namespace

extern constinit const OpDef k_exp{.name = "exp",
                                   .parameters = kParameters,
                                   .infer = infer_like_first,
                                   .eval = eval_elementwise<apply>,
                                   .doc = "e to the power x."};

}  // namespace anemone::mil
