#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return x / (1 + std::fabs(x)); }

}  // namespace

extern constinit const OpDef k_softsign{.name = "softsign",
                                        .parameters = kParameters,
                                        .infer = infer_like_first,
                                        .eval = eval_elementwise<apply>,
                                        .doc = "x / (1 + |x|)."};

}  // namespace anemone::mil
