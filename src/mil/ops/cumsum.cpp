#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAxis, kExclusive, kReverse };
constexpr DTypeSet kTypes = kFloat | kInt32;
constexpr Parameter kParameters[] = {
    {"x", kTypes},
    {"axis", kInt32, Presence::optional, BindingRule::constant},
    {"exclusive", kBool, Presence::optional, BindingRule::constant},
    {"reverse", kBool, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const size_t rank = in.shape(kX).rank();
  if (!axis_from_front(in.integer(kAxis, 0), rank))
    return violates("c1", "axis is {}, x has rank {}", in.integer(kAxis, 0), rank);
  return infers(in.dtype(kX), in.shape(kX));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& shape = x.shape();
  const size_t axis = *axis_from_front(in.integer(kAxis, 0), shape.rank());
  const bool exclusive = in.boolean(kExclusive, false);
  const bool reverse = in.boolean(kReverse, false);
  AxisSet along(shape.rank(), false);
  along[axis] = true;
  const Groups groups = group_along(shape, along);
  for (const int64_t start : groups.starts) {
    double sum = 0;
    for (size_t i = 0; i < groups.members.size(); ++i) {
      const int64_t at = start + groups.members[reverse ? groups.members.size() - 1 - i : i];
      const double value = x.at(at);
      outputs[0].set(at, exclusive ? sum : sum + value);
      sum += value;
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_cumsum{
    .name = "cumsum",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Running sums along an axis, kept in fp64: without the element itself when exclusive, from "
        "the end when reverse."};

}  // namespace anemone::mil
