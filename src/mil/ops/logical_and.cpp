#include "mil/ops/broadcast.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kBool}, {"y", kBool}};

double apply(double x, double y) { return x != 0 && y != 0 ? 1 : 0; }

}  // namespace

extern constinit const OpDef k_logical_and{.name = "logical_and",
                                           .parameters = kParameters,
                                           .infer = infer_broadcast,
                                           .eval = eval_broadcast<apply>,
                                           .doc = "x and y."};

}  // namespace anemone::mil
