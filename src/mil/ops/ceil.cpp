#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::ceil(x); }

}  // namespace

extern constinit const OpDef k_ceil{.name = "ceil",
                                    .parameters = kParameters,
                                    .infer = infer_like_first,
                                    .eval = eval_elementwise<apply>,
                                    .doc = "The smallest integer that is not below x."};

}  // namespace anemone::mil
