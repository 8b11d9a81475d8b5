#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kBool}};

double apply(double x) { return x == 0 ? 1 : 0; }

}  // namespace

extern constinit const OpDef k_logical_not{.name = "logical_not",
                                           .parameters = kParameters,
                                           .infer = infer_like_first,
                                           .eval = eval_elementwise<apply>,
                                           .doc = "Not x."};

}  // namespace anemone::mil
