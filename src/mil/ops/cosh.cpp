#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::cosh(x); }

}  // namespace

extern constinit const OpDef k_cosh{.name = "cosh",
                                    .parameters = kParameters,
                                    .infer = infer_like_first,
                                    .eval = eval_elementwise<apply>,
                                    .doc = "The hyperbolic cosine of x."};

}  // namespace anemone::mil
