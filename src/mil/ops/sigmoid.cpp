#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

extern constinit const OpDef k_sigmoid{.name = "sigmoid",
                                       .parameters = kParameters,
                                       .infer = infer_like_first,
                                       .eval = eval_elementwise<apply>,
                                       .doc = "1 / (1 + exp(-x))."};

}  // namespace anemone::mil
