#include "mil/ops/inference.h"
#include "mil/ops/nonzero.h"

namespace anemone::mil {
namespace {

enum : size_t { kX };
constexpr Parameter kParameters[] = {{"x", kData}};

Inferred infer(const Operands& in, size_t) { return infer_nonzero(in, kX); }

Status eval(const Operands& in, std::span<Tensor> outputs) {
  list_nonzero(*in.value(kX), outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_non_zero{
    .name = "non_zero",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "The indices of the elements that are not zero, one row each, in row-major order."};

}  // namespace anemone::mil
