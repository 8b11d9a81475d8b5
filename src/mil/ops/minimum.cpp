#include <cmath>

#include "mil/ops/broadcast.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat | kInt32}, {"y", kFloat | kInt32}};

double apply(double x, double y) { return x < y || std::isnan(x) ? x : y; }

}  // namespace

extern constinit const OpDef k_minimum{.name = "minimum",
                                       .parameters = kParameters,
                                       .infer = infer_broadcast,
                                       .eval = eval_broadcast<apply>,
                                       .doc = "The smaller of x and y; NaN when either is."};

}  // namespace anemone::mil
