#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return x < 0 ? 0 : x; }

}  // namespace

extern constinit const OpDef k_relu{.name = "relu",
                                    .parameters = kParameters,
                                    .infer = infer_like_first,
                                    .eval = eval_elementwise<apply>,
                                    .doc = "max(x, 0); NaN stays NaN."};

}  // namespace anemone::mil
