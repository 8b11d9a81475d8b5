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
  if (data.rank() - 1 + indices.rank() > Shape::kMaxRank)
    return violates("c2", "indices have rank {}, data has rank {}", indices.rank(), data.rank());
  Shape expected;
  for (size_t i = 0; i < *axis; ++i) expected.push_back(data[i]);
  for (const int64_t dim : indices) expected.push_back(dim);
  for (size_t i = *axis + 1; i < data.rank(); ++i) expected.push_back(data[i]);
  if (!shapes_agree(expected, in.shape(kUpdates)))
    return violates("c3", "updates have shape {}, expected {}", in.shape(kUpdates).to_string(),
                    expected.to_string());
  if (in.dtype(kUpdates) != in.dtype(kDataInput))
    return violates("c4", "updates are {}, data is {}", to_string(in.dtype(kUpdates)),
                    to_string(in.dtype(kDataInput)));
  const auto mode = read_scatter_mode(in, kMode, "c5");
  if (const auto* violation = std::get_if<Violation>(&mode)) return *violation;
  return infers(in.dtype(kDataInput), data);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& data = *in.value(kDataInput);
  const Tensor& indices = *in.value(kIndices);
  const Tensor& updates = *in.value(kUpdates);
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), data.shape().rank());
  const IndexRules rules(in, kValidateIndices);
  ScatterTarget target(data, std::get<ScatterMode>(read_scatter_mode(in, kMode, "c5")));
  const int64_t length = data.shape()[axis];
  const int64_t outer = multiply_dims(data.shape(), 0, axis);
  const int64_t inner = data.shape().stride(axis);
  const int64_t picks = indices.element_count();
  for (int64_t row = 0; row < outer; ++row) {
    for (int64_t i = 0; i < picks; ++i) {
      ANEMONE_TRY(const int64_t position,
                  rules.position(static_cast<int64_t>(indices.at(i)), length));
      if (position != IndexRules::kNowhere)
        target.apply((row * length + position) * inner, updates, (row * picks + i) * inner, inner);
    }
  }
  target.store(outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_scatter{
    .name = "scatter",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "data with slices along an axis changed by updates, at the places that indices name; mode "
        "is add by default. Later updates of one element win or accumulate."};

}  // namespace anemone::mil
