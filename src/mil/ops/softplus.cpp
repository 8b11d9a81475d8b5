#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::log1p(std::exp(-std::fabs(x))) + std::fmax(x, 0); }

}  // namespace

extern constinit const OpDef k_softplus{.name = "softplus",
                                        .parameters = kParameters,
                                        .infer = infer_like_first,
                                        .eval = eval_elementwise<apply>,
                                        .doc = "log(1 + exp(x)), without overflow."};

}  // namespace anemone::mil
