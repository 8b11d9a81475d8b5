#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat | kInt32}};

double apply(double x) { return std::exp2(x); }

}  // namespace

extern constinit const OpDef k_exp2{.name = "exp2",
                                    .parameters = kParameters,
                                    .infer = infer_like_first,
                                    .eval = eval_elementwise<apply>,
                                    .doc = "2 to the power x."};

}  // namespace anemone::mil
