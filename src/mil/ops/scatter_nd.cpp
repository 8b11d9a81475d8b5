#include "mil/ops/index.h"
#include "mil/ops/inference.h"
#include "mil/ops/scatter_update.h"

namespace anemone::mil {
namespace {

enum : size_t { kDataInput, kIndices, kUpdates, kMode, kValidateIndices };
constexpr Parameter kParameters[] = {
    {"data", kNumber},
    {"indices", kIndexTypes},
    {"updates", kNumber},
    {"mode", kString, Presence::optional, BindingRule::constant},
    {"validate_indices", kBool, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& data = in.shape(kDataInput);
  Shape expected = in.shape(kIndices);
  if (expected.rank() == 0) return violates("c1", "indices are a scalar");
  const int64_t depth = expected[expected.rank() - 1];
  expected.erase(expected.rank() - 1);
  if (depth > static_cast<int64_t>(data.rank()))
    return violates("c2", "an index has {} entries, data has rank {}", depth, data.rank());
  if (depth != kUnknownDim) {
    const auto first = static_cast<size_t>(depth);
    bool agree = expected.rank() + data.rank() - first <= Shape::kMaxRank;
    for (size_t i = first; agree && i < data.rank(); ++i) expected.push_back(data[i]);
    if (!agree || !shapes_agree(expected, in.shape(kUpdates)))
      return violates("c3", "updates have shape {}, expected {}", in.shape(kUpdates).to_string(),
                      expected.to_string());
  }
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
  const IndexRules rules(in, kValidateIndices);
  ScatterTarget target(data, std::get<ScatterMode>(read_scatter_mode(in, kMode, "c5")));
  const size_t last = indices.shape().rank() - 1;
  const int64_t depth = indices.shape()[last];
  const int64_t rows = multiply_dims(indices.shape(), 0, last);
  const int64_t run = multiply_dims(data.shape(), static_cast<size_t>(depth), data.shape().rank());
  for (int64_t row = 0; row < rows; ++row) {
    int64_t to = 0;
    bool inside = true;
    for (int64_t i = 0; i < depth; ++i) {
      const auto axis = static_cast<size_t>(i);
      ANEMONE_TRY(
          const int64_t position,
          rules.position(static_cast<int64_t>(indices.at(row * depth + i)), data.shape()[axis]));
      inside = inside && position != IndexRules::kNowhere;
      to += position * data.shape().stride(axis);
    }
    if (inside) target.apply(to, updates, row * run, run);
  }
  target.store(outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_scatter_nd{
    .name = "scatter_nd",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "data with the slices at the coordinates in the last axis of indices changed by updates; "
        "mode is add by default."};

}  // namespace anemone::mil
