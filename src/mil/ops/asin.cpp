#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::asin(x); }

}  // namespace

extern constinit const OpDef k_asin{.name = "asin",
                                    .parameters = kParameters,
                                    .infer = infer_like_first,
                                    .eval = eval_elementwise<apply>,
                                    .doc = "The inverse sine of x; NaN outside [-1, 1]."};

}  // namespace anemone::mil
