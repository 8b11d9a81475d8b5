#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat | kInt32}};

double apply(double x) { return std::fabs(x); }

}  // namespace

extern constinit const OpDef k_abs{.name = "abs",
                                   .parameters = kParameters,
                                   .infer = infer_like_first,
                                   .eval = eval_elementwise<apply>,
                                   .doc = "The absolute value of x."};

}  // namespace anemone::mil
