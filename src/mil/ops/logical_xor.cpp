#include "mil/ops/broadcast.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kBool}, {"y", kBool}};

double apply(double x, double y) { return x != y ? 1 : 0; }

}  // namespace

extern constinit const OpDef k_logical_xor{.name = "logical_xor",
                                           .parameters = kParameters,
                                           .infer = infer_broadcast,
                                           .eval = eval_broadcast<apply>,
                                           .doc = "x or y, and not both."};

}  // namespace anemone::mil
