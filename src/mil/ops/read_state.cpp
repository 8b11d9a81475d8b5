#include "mil/op.h"

namespace anemone::mil {
namespace {

enum : size_t { kInput };
constexpr Parameter kParameters[] = {
    {"input", kAny, Presence::required, BindingRule::any, ValueType::Kind::state}};

Inferred infer(const Operands& in, size_t) {
  ValueType contents;
  contents.tensor = in.type(kInput);
  return std::vector{contents};
}

}  // namespace

extern constinit const OpDef k_read_state{
    .name = "read_state",
    .first_opset = 18,
    .parameters = kParameters,
    .infer = infer,
    .kind = OpKind::state,
    .doc = "The state's contents at this point of the program."};

}  // namespace anemone::mil
