#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::sqrt(x); }

}  // namespace

extern constinit const OpDef k_sqrt{.name = "sqrt",
                                    .parameters = kParameters,
                                    .infer = infer_like_first,
                                    .eval = eval_elementwise<apply>,
                                    .doc = "The square root of x."};

}  // namespace anemone::mil
