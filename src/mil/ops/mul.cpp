#include "mil/ops/broadcast.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat | kInt32}, {"y", kFloat | kInt32}};

double apply(double x, double y) { return x * y; }

}  // namespace

extern constinit const OpDef k_mul{.name = "mul",
                                   .parameters = kParameters,
                                   .infer = infer_broadcast,
                                   .eval = eval_broadcast<apply>,
                                   .doc = "x * y."};

}  // namespace anemone::mil
