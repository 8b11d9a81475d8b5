#include "mil/ops/inference.h"
#include "mil/ops/ordering.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kK, kAxis, kAscending, kSort, kReturnIndices, kOutputIndicesDtype };
constexpr DTypeSet kCounts{DType::int8, DType::int16, DType::int32};
constexpr Parameter kParameters[] = {
    {"x", kNumber},
    {"k", kCounts, Presence::optional, BindingRule::constant},
    {"axis", kInt32, Presence::optional, BindingRule::constant},
    {"ascending", kBool, Presence::optional, BindingRule::constant},
    {"sort", kBool, Presence::optional, BindingRule::constant},
    {"return_indices", kBool, Presence::optional, BindingRule::constant},
    {"output_indices_dtype", kString, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  Shape shape = in.shape(kX);
  const auto axis = axis_from_front(in.integer(kAxis, -1), shape.rank());
  if (!axis)
    return violates("c1", "axis is {}, x has rank {}", in.integer(kAxis, -1), shape.rank());
  const int64_t length = shape[*axis];
  const int64_t k = in.integer(kK, 1);
  if (k < -1 || (length != kUnknownDim && k > length))
    return violates("c2", "k is {}, axis {} has length {}", k, *axis, length);
  if (k != -1) shape[*axis] = k;
  const std::string_view dtype = in.text(kOutputIndicesDtype, "int32");
  if (dtype != "int32" && dtype != "uint16")
    return violates("c3", "output_indices_dtype is '{}', expected int32 or uint16", dtype);
  std::vector<ValueType> types{ValueType::of(in.dtype(kX), shape)};
  if (in.boolean(kReturnIndices, true)) types.push_back(ValueType::of(*parse_dtype(dtype), shape));
  return types;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const size_t axis = *axis_from_front(in.integer(kAxis, -1), x.shape().rank());
  AxisSet along(x.shape().rank(), false);
  along[axis] = true;
  const Groups from = group_along(x.shape(), along);
  const Groups to = group_along(outputs[0].shape(), along);
  for (size_t g = 0; g < from.starts.size(); ++g) {
    const std::vector<double> values = read_group(x, from, g);
    const auto order = sorted_positions(values, in.boolean(kAscending, false));
    for (size_t i = 0; i < to.members.size(); ++i) {
      const int64_t at = to.starts[g] + to.members[i];
      outputs[0].set(at, values[static_cast<size_t>(order[i])]);
      if (outputs.size() > 1) outputs[1].set(at, static_cast<double>(order[i]));
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_topk{
    .name = "topk",
    .parameters = kParameters,
    .outputs = {1, 2},
    .infer = infer,
    .eval = eval,
    .doc =
        "The k largest (ascending: smallest) values of an axis in order "
        "and their indices; the first "
        "of equal values wins, k = -1 takes all."};

}  // namespace anemone::mil
