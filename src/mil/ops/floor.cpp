#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::floor(x); }

}  // namespace

extern constinit const OpDef k_floor{.name = "floor",
                                     .parameters = kParameters,
                                     .infer = infer_like_first,
                                     .eval = eval_elementwise<apply>,
                                     .doc = "The largest integer that is not above x."};

}  // namespace anemone::mil
