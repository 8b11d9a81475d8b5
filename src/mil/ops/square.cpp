#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat | kInt32}};

double apply(double x) { return x * x; }

}  // namespace

extern constinit const OpDef k_square{.name = "square",
                                      .parameters = kParameters,
                                      .infer = infer_like_first,
                                      .eval = eval_elementwise<apply>,
                                      .doc = "x * x."};

}  // namespace anemone::mil
