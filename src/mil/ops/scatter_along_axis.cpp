#include "mil/ops/index.h"
#include "mil/ops/inference.h"
#include "mil/ops/scatter_update.h"

namespace anemone::mil {
namespace {

enum : size_t { kDataInput, kIndices, kUpdates, kAxis, kMode, kValidateIndices };
constexpr Parameter kParameters[] = {
    {"data", kNumber},
    {"indices", kIndexTypes},
    {"updates", kNumber},
    {"axis", kInt32, Presence::optional, BindingRule::constant},
    {"mode", kString, Presence::optional, BindingRule::constant},
    {"validate_indices", kBool, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& data = in.shape(kDataInput);
  const Shape& indices = in.shape(kIndices);
  const auto axis = axis_from_front(in.integer(kAxis, 0), data.rank());
  if (!axis)
    return violates("c1", "axis is {}, data has rank {}", in.integer(kAxis, 0), data.rank());
  if (indices.rank() != data.rank())
    return violates("c2", "indices have rank {}, data has rank {}", indices.rank(), data.rank());
  for (size_t i = 0; i < data.rank(); ++i)
    if (i != *axis && !dims_agree(data[i], indices[i]))
      return violates("c3", "axis {} has length {} in data and {} in indices", i, data[i],
                      indices[i]);
  if (!shapes_agree(indices, in.shape(kUpdates)))
    return violates("c4", "updates have shape {}, expected {}", in.shape(kUpdates).to_string(),
                    indices.to_string());
  if (in.dtype(kUpdates) != in.dtype(kDataInput))
    return violates("c5", "updates are {}, data is {}", to_string(in.dtype(kUpdates)),
                    to_string(in.dtype(kDataInput)));
  const auto mode = read_scatter_mode(in, kMode, "c6");
  if (const auto* violation = std::get_if<Violation>(&mode)) return *violation;
  return infers(in.dtype(kDataInput), data);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& data = *in.value(kDataInput);
  const Tensor& indices = *in.value(kIndices);
  const Tensor& updates = *in.value(kUpdates);
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), data.shape().rank());
  const IndexRules rules(in, kValidateIndices);
  ScatterTarget target(data, std::get<ScatterMode>(read_scatter_mode(in, kMode, "c6")));
  const int64_t length = data.shape()[axis];
  const int64_t inner = data.shape().stride(axis);
  const int64_t row = indices.shape()[axis] * inner;
  for (int64_t i = 0; i < indices.element_count(); ++i) {
    ANEMONE_TRY(const int64_t position,
                rules.position(static_cast<int64_t>(indices.at(i)), length));
    if (position != IndexRules::kNowhere)
      target.apply((i / row * length + position) * inner + i % inner, updates, i, 1);
  }
  target.store(outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_scatter_along_axis{
    .name = "scatter_along_axis",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "data changed element by element: the index along the axis comes from indices, the others "
        "from the update's own place; mode is add by default."};

}  // namespace anemone::mil
