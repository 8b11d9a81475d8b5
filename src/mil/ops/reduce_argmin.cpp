#include "mil/ops/reduce.h"

namespace anemone::mil {
namespace {

bool better(double value, double best) { return value < best; }

}  // namespace

extern constinit const OpDef k_reduce_argmin{
    .name = "reduce_argmin",
    .parameters = kReduceArgParameters,
    .infer = infer_reduce_arg,
    .eval = eval_reduce_arg<better>,
    .doc = "The index of the smallest element along axis; the first of equal ones."};

}  // namespace anemone::mil
