#include "mil/ops/block_copy.h"
#include "mil/ops/index.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kIndices, kAxis, kValidateIndices };
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"indices", kIndexTypes},
    {"axis", kInt32, Presence::optional, BindingRule::constant},
    {"validate_indices", kBool, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& indices = in.shape(kIndices);
  if (x.rank() != indices.rank())
    return violates("c1", "indices have rank {}, x has rank {}", indices.rank(), x.rank());
  const auto axis = axis_from_front(in.integer(kAxis, 0), x.rank());
  if (!axis) return violates("c2", "axis is {}, x has rank {}", in.integer(kAxis, 0), x.rank());
  Shape shape = indices;
  for (size_t i = 0; i < x.rank(); ++i) {
    if (i == *axis) continue;
    if (!dims_agree(x[i], indices[i]))
      return violates("c3", "axis {} has length {} in x and {} in indices", i, x[i], indices[i]);
    if (shape[i] == kUnknownDim) shape[i] = x[i];
  }
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& indices = *in.value(kIndices);
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), x.shape().rank());
  const IndexRules rules(in, kValidateIndices);
  const int64_t length = x.shape()[axis];
  const int64_t inner = x.shape().stride(axis);
  const int64_t picks = indices.shape()[axis];
  const int64_t count = indices.element_count();
  for (int64_t i = 0; i < count; ++i) {
    ANEMONE_TRY(const int64_t position,
                rules.position(static_cast<int64_t>(indices.at(i)), length));
    if (position == IndexRules::kNowhere) continue;
    const int64_t outer = i / (picks * inner);
    copy_run(x, (outer * length + position) * inner + i % inner, outputs[0], i, 1);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_gather_along_axis{
    .name = "gather_along_axis",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Element by element: the index along the axis comes from indices, the others from the "
        "element's own place."};

}  // namespace anemone::mil
