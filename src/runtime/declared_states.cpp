#include "runtime/declared_states.h"

#include <algorithm>

namespace anemone::runtime {

DType storage_dtype(DType dtype, Numerics numerics) {
  return numerics == Numerics::fp32 && dtype == DType::fp16 ? DType::fp32 : dtype;
}

State declared_states(const mil::Program& program, Numerics numerics) {
  std::vector<NamedTensor> tensors;
  for (const mil::Function& function : program.functions)
    for (const mil::NamedType& input : function.inputs) {
      if (input.type.kind != mil::ValueType::Kind::state ||
          std::ranges::find(tensors, input.name, &NamedTensor::name) != tensors.end())
        continue;
      const mil::TensorType& type = input.type.tensor;
      tensors.push_back(
          {input.name, Tensor::zeros(storage_dtype(type.dtype, numerics), type.shape)});
    }
  return State(std::move(tensors));
}

}  // namespace anemone::runtime
