#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::sin(x); }

}  // namespace

extern constinit const OpDef k_sin{.name = "sin",
                                   .parameters = kParameters,
                                   .infer = infer_like_first,
                                   .eval = eval_elementwise<apply>,
                                   .doc = "The sine of x."};

}  // namespace anemone::mil
