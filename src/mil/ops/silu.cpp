#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return x / (1 + std::exp(-x)); }

}  // namespace

extern constinit const OpDef k_silu{
    .name = "silu",
    .parameters = kParameters,
    .infer = infer_like_first,
    .eval = eval_elementwise<apply>,
    .doc = "x * sigmoid(x); the limit at minus infinity is NaN as in the formula."};

}  // namespace anemone::mil
