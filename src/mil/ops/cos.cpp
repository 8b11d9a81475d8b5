#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::cos(x); }

}  // namespace

extern constinit const OpDef k_cos{.name = "cos",
                                   .parameters = kParameters,
                                   .infer = infer_like_first,
                                   .eval = eval_elementwise<apply>,
                                   .doc = "The cosine of x."};

}  // namespace anemone::mil
