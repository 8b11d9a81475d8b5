#include "mil/ops/inference.h"
#include "mil/ops/ordering.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kAxis, kAscending };
constexpr Parameter kParameters[] = {
    {"x", kNumber},
    {"axis", kInt32, Presence::optional, BindingRule::constant},
    {"ascending", kBool, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const size_t rank = in.shape(kX).rank();
  if (!axis_from_front(in.integer(kAxis, -1), rank))
    return violates("c1", "axis is {}, x has rank {}", in.integer(kAxis, -1), rank);
  return infers(DType::int32, in.shape(kX));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  AxisSet along(x.shape().rank(), false);
  along[*axis_from_front(in.integer(kAxis, -1), x.shape().rank())] = true;
  const Groups groups = group_along(x.shape(), along);
  for (size_t g = 0; g < groups.starts.size(); ++g) {
    const auto order = sorted_positions(read_group(x, groups, g), in.boolean(kAscending, false));
    for (size_t i = 0; i < order.size(); ++i)
      outputs[0].set(groups.starts[g] + groups.members[i], static_cast<double>(order[i]));
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_argsort{
    .name = "argsort",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "The indices that sort an axis, largest first unless ascending; equal values keep their "
        "order."};

}  // namespace anemone::mil
