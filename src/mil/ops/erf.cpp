#include <cmath>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat}};

double apply(double x) { return std::erf(x); }

}  // namespace

extern constinit const OpDef k_erf{.name = "erf",
                                   .parameters = kParameters,
                                   .infer = infer_like_first,
                                   .eval = eval_elementwise<apply>,
                                   .doc = "The Gauss error function of x."};

}  // namespace anemone::mil
