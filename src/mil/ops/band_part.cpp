#include <algorithm>

#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kLower, kUpper };
constexpr Parameter kParameters[] = {{"x", kData},
                                     {"lower", kInt32, Presence::optional, BindingRule::constant},
                                     {"upper", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  if (in.shape(kX).rank() < 2)
    return violates("c1", "x has rank {}, expected 2 or more", in.shape(kX).rank());
  return infers(in.dtype(kX), in.shape(kX));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const int64_t lower = in.integer(kLower, -1);
  const int64_t upper = in.integer(kUpper, -1);
  const size_t rank = x.shape().rank();
  const int64_t rows = x.shape()[rank - 2];
  const int64_t columns = x.shape()[rank - 1];
  const int64_t count = x.element_count();
  for (int64_t at = 0, row = 0; at < count; at += columns, row = (row + 1) % rows) {
    const int64_t first = lower < 0 ? 0 : std::clamp<int64_t>(row - lower, 0, columns);
    const int64_t last = upper < 0 ? columns : std::clamp<int64_t>(row + upper + 1, 0, columns);
    if (first < last) copy_run(x, at + first, outputs[0], at + first, last - first);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_band_part{
    .name = "band_part",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Keeps `lower` diagonals below and `upper` above the main one of each matrix (all of them "
        "when negative); the rest is 0."};

}  // namespace anemone::mil
