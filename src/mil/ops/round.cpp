#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::nearbyint(x); }

}  // namespace

extern constinit const OpDef k_round{.name = "round",
                                     .parameters = kParameters,
                                     .infer = infer_like_first,
                                     .eval = eval_elementwise<apply>,
                                     .doc = "The integer nearest to x; halves go to the even one."};

}  // namespace anemone::mil
