#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat | kInt32}};

double apply(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

}  // namespace

extern constinit const OpDef k_sign{
    .name = "sign",
    .parameters = kParameters,
    .infer = infer_like_first,
    .eval = eval_elementwise<apply>,
    .doc = "-1, 0 or 1 as x is negative, zero or positive; NaN stays NaN."};

}  // namespace anemone::mil
