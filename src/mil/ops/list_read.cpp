#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"
#include "mil/ops/list.h"

namespace anemone::mil {
namespace {

enum : size_t { kLs, kIndex };
constexpr Parameter kParameters[] = {
    {"ls", kAny, Presence::required, BindingRule::any, ValueType::Kind::list}, {"index", kInt32}};

Inferred infer(const Operands& in, size_t) {
  const auto element = list_element(in, kLs);
  if (!element) return violates("c1", "ls does not hold tensors of one type");
  return infers(element->dtype, element->shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& list = *in.value(kLs);
  const auto index = list_index(in, kIndex);
  if (!index || *index < 0 || *index >= list.shape()[0])
    return fail(ErrorCode::out_of_range, "index {} is outside a list of {} elements",
                index.value_or(-1), list.shape()[0]);
  const int64_t size = outputs[0].element_count();
  copy_run(list, *index * size, outputs[0], 0, size);
  return {};
}

}  // namespace

extern constinit const OpDef k_list_read{.name = "list_read",
                                         .parameters = kParameters,
                                         .infer = infer,
                                         .eval = eval,
                                         .doc = "One element of a list."};

}  // namespace anemone::mil
