#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"
#include "mil/ops/list.h"

namespace anemone::mil {
namespace {

enum : size_t { kLs, kIndices };
constexpr Parameter kParameters[] = {
    {"ls", kAny, Presence::required, BindingRule::any, ValueType::Kind::list}, {"indices", kInt32}};

Inferred infer(const Operands& in, size_t) {
  const auto element = list_element(in, kLs);
  if (!element) return violates("c1", "ls does not hold tensors of one type");
  if (in.shape(kIndices).rank() != 1)
    return violates("c2", "indices have rank {}, expected 1", in.shape(kIndices).rank());
  Shape shape = element->shape;
  shape.insert(0, in.shape(kIndices)[0]);
  return infers(element->dtype, shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& list = *in.value(kLs);
  const Tensor& indices = *in.value(kIndices);
  const int64_t size = list.shape().stride(0);
  for (int64_t i = 0; i < indices.element_count(); ++i) {
    const auto index = static_cast<int64_t>(indices.at(i));
    if (index < 0 || index >= list.shape()[0])
      return fail(ErrorCode::out_of_range, "indices[{}] is {}, outside a list of {} elements", i,
                  index, list.shape()[0]);
    copy_run(list, index * size, outputs[0], i * size, size);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_list_gather{
    .name = "list_gather",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "Elements of a list, stacked on a new first axis."};

}  // namespace anemone::mil
