#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::tan(x); }

}  // namespace

extern constinit const OpDef k_tan{.name = "tan",
                                   .parameters = kParameters,
                                   .infer = infer_like_first,
                                   .eval = eval_elementwise<apply>,
                                   .doc = "The tangent of x."};

}  // namespace anemone::mil
