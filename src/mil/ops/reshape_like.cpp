#include <algorithm>

#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kRefTensors, kBegins, kEnds, kEndMasks };
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"ref_tensors", kAny, Presence::required, BindingRule::variadic},
    {"begins", kInt32, Presence::required, BindingRule::variadic},
    {"ends", kInt32, Presence::required, BindingRule::variadic},
    {"end_masks", kBool, Presence::required, BindingRule::variadic}};

Inferred infer(const Operands& in, size_t) {
  const size_t count = in.count(kRefTensors);
  for (const size_t p : {kBegins, kEnds, kEndMasks}) {
    if (in.count(p) != count)
      return violates("c1", "{} has {} entries, ref_tensors has {}", kParameters[p].name,
                      in.count(p), count);
    for (size_t i = 0; i < count; ++i)
      if (in.value(p, i) == nullptr || in.value(p, i)->element_count() != 1)
        return violates("c2", "{}[{}] is not a constant scalar", kParameters[p].name, i);
  }
  Shape shape;
  for (size_t i = 0; i < count; ++i) {
    const Shape& reference = in.shape(kRefTensors, i);
    const auto rank = static_cast<int64_t>(reference.rank());
    const auto bound = [&](size_t p) {
      const auto entry = static_cast<int64_t>(in.value(p, i)->at(0));
      return std::clamp<int64_t>(entry < 0 ? entry + rank : entry, 0, rank);
    };
    const int64_t end = in.value(kEndMasks, i)->at(0) != 0 ? rank : bound(kEnds);
    for (int64_t axis = bound(kBegins); axis < end; ++axis) {
      if (shape.rank() == Shape::kMaxRank)
        return violates("c3", "the result has more than {} axes", Shape::kMaxRank);
      shape.push_back(reference[static_cast<size_t>(axis)]);
    }
  }
  const Shape& x = in.shape(kX);
  if (!dims_agree(multiply_dims(x, 0, x.rank()), multiply_dims(shape, 0, shape.rank())))
    return violates("c4", "x of shape {} does not fit into {}", x.to_string(), shape.to_string());
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  copy_all(*in.value(kX), outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_reshape_like{
    .name = "reshape_like",
    .first_opset = 16,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "x under the shape that is put together from axes begins[i] to ends[i] of each "
        "ref_tensors[i]."};

}  // namespace anemone::mil
