#include "mil/ops/inference.h"
#include "mil/ops/list.h"

namespace anemone::mil {
namespace {

enum : size_t { kLs };
constexpr Parameter kParameters[] = {
    {"ls", kAny, Presence::required, BindingRule::any, ValueType::Kind::list}};

Inferred infer(const Operands&, size_t) { return infers(DType::int32, {}); }

Status eval(const Operands& in, std::span<Tensor> outputs) {
  outputs[0].set(0, static_cast<double>(list_length(in, kLs)));
  return {};
}

}  // namespace

extern constinit const OpDef k_list_length{.name = "list_length",
                                           .parameters = kParameters,
                                           .infer = infer,
                                           .eval = eval,
                                           .doc = "The number of elements of a list."};

}  // namespace anemone::mil
