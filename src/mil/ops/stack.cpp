#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kValues, kAxis };
constexpr Parameter kParameters[] = {{"values", kData, Presence::required, BindingRule::variadic},
                                     {"axis", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  Shape shape = in.shape(kValues);
  for (size_t i = 1; i < in.count(kValues); ++i) {
    const Shape& other = in.shape(kValues, i);
    if (!shapes_agree(shape, other))
      return violates("c1", "values[{}] has shape {}, values[0] has shape {}", i, other.to_string(),
                      in.shape(kValues).to_string());
    if (in.dtype(kValues, i) != in.dtype(kValues))
      return violates("c2", "values[{}] is {}, values[0] is {}", i, to_string(in.dtype(kValues, i)),
                      to_string(in.dtype(kValues)));
    for (size_t d = 0; d < shape.rank(); ++d)
      if (shape[d] == kUnknownDim) shape[d] = other[d];
  }
  const auto axis = axis_from_front(in.integer(kAxis, 0), shape.rank() + 1);
  if (!axis)
    return violates("c3", "axis is {}, the result has rank {}", in.integer(kAxis, 0),
                    shape.rank() + 1);
  if (shape.rank() == Shape::kMaxRank)
    return violates("c4", "the result has rank {}, at most {} is possible", shape.rank() + 1,
                    Shape::kMaxRank);
  shape.insert(*axis, static_cast<int64_t>(in.count(kValues)));
  return infers(in.dtype(kValues), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Shape& shape = in.value(kValues)->shape();
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), shape.rank() + 1);
  Layout to;
  const Layout dense = Layout::dense(outputs[0].shape());
  for (size_t d = 0; d < shape.rank(); ++d) to.strides[d] = dense.strides[d < axis ? d : d + 1];
  for (size_t i = 0; i < in.count(kValues); ++i) {
    copy_block(shape, *in.value(kValues, i), Layout::dense(shape), outputs[0], to);
    to.offset += dense.strides[axis];
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_stack{.name = "stack",
                                     .parameters = kParameters,
                                     .infer = infer,
                                     .eval = eval,
                                     .doc = "Joins tensors of equal shape along a new axis."};

}  // namespace anemone::mil
