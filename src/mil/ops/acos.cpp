#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::acos(x); }

}  // namespace

extern constinit const OpDef k_acos{.name = "acos",
                                    .parameters = kParameters,
                                    .infer = infer_like_first,
                                    .eval = eval_elementwise<apply>,
                                    .doc = "The inverse cosine of x; NaN outside [-1, 1]."};

}  // namespace anemone::mil
