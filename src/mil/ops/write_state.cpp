#include "mil/op.h"

namespace anemone::mil {
namespace {

enum : size_t { kInput, kData };
constexpr Parameter kParameters[] = {
    {"input", kAny, Presence::required, BindingRule::any, ValueType::Kind::state}, {"data", kAny}};

Inferred infer(const Operands& in, size_t output_count) {
  const TensorType& state = in.type(kInput);
  const TensorType& data = in.type(kData);
  if (data.dtype != state.dtype)
    return violates("c1", "data is {}, the state {}", to_string(data.dtype),
                    to_string(state.dtype));
  bool equal = data.shape.rank() == state.shape.rank();
  for (size_t axis = 0; equal && axis < state.shape.rank(); ++axis)
    equal = data.shape[axis] == state.shape[axis] || data.shape[axis] == kUnknownDim ||
            state.shape[axis] == kUnknownDim;
  if (!equal)
    return violates("c2", "data has shape {}, the state {}", data.shape.to_string(),
                    state.shape.to_string());
  if (output_count != 0) return violates("c3", "has {} outputs, takes none", output_count);
  return std::vector<ValueType>{};
}

}  // namespace

extern constinit const OpDef k_write_state{.name = "write_state",
                                           .first_opset = 18,
                                           .parameters = kParameters,
                                           .outputs = {0, 0},
                                           .infer = infer,
                                           .kind = OpKind::state,
                                           .doc = "Replaces the state's contents by `data`."};

}  // namespace anemone::mil
