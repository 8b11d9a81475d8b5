#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return x < 0 ? 0 : x > 6 ? 6 : x; }

}  // namespace

extern constinit const OpDef k_relu6{.name = "relu6",
                                     .parameters = kParameters,
                                     .infer = infer_like_first,
                                     .eval = eval_elementwise<apply>,
                                     .doc = "min(max(x, 0), 6); NaN stays NaN."};

}  // namespace anemone::mil
