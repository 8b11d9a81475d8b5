#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kPerm };
constexpr Parameter kParameters[] = {{"x", kData},
                                     {"perm", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const auto perm = in.integers(kPerm).value_or(std::vector<int64_t>{});
  if (perm.size() != x.rank())
    return violates("c1", "perm has {} entries, x has rank {}", perm.size(), x.rank());
  std::array<bool, Shape::kMaxRank> used{};
  Shape shape;
  for (const int64_t entry : perm) {
    const auto axis = axis_from_front(entry, x.rank());
    if (!axis) return violates("c2", "perm holds {}, x has rank {}", entry, x.rank());
    if (used[*axis]) return violates("c3", "perm names axis {} twice", *axis);
    used[*axis] = true;
    shape.push_back(x[*axis]);
  }
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  std::vector<size_t> perm;
  const std::vector<int64_t> entries = *in.integers(kPerm);
  for (const int64_t entry : entries) perm.push_back(*axis_from_front(entry, x.shape().rank()));
  copy_permuted(x, x.shape(), perm, outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_transpose{.name = "transpose",
                                         .parameters = kParameters,
                                         .infer = infer,
                                         .eval = eval,
                                         .doc = "Axis i of the result is axis perm[i] of x."};

}  // namespace anemone::mil
