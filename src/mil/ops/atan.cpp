#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::atan(x); }

}  // namespace

extern constinit const OpDef k_atan{.name = "atan",
                                    .parameters = kParameters,
                                    .infer = infer_like_first,
                                    .eval = eval_elementwise<apply>,
                                    .doc = "The inverse tangent of x."};

}  // namespace anemone::mil
