#include "runtime/constant.h"

#include "base/check.h"

namespace anemone::runtime {

mil::Operands CompressedConstant::bind(std::vector<mil::Operand>& scratch) const {
  scratch.clear();
  for (const ConstantPtr& operand : operands)
    scratch.push_back(mil::Operand{.type = &operand->type,
                                   .value = operand->is_compressed() ? nullptr : &operand->tensor,
                                   .constant = true});
  return mil::Operands(scratch, offsets, opset);
}

Result<Tensor> Constant::expand() const {
  if (!is_compressed()) return tensor;
  ANEMONE_CHECK(compressed != nullptr, "a constant is a tensor or can be evaluated");
  std::vector<Tensor> expanded;
  std::vector<mil::Operand> operands;
  expanded.reserve(compressed->operands.size());
  for (const ConstantPtr& operand : compressed->operands) {
    ANEMONE_TRY(Tensor value, operand->expand());
    expanded.push_back(std::move(value));
    operands.push_back(
        mil::Operand{.type = &operand->type, .value = &expanded.back(), .constant = true});
  }
  std::vector<Tensor> outputs;
  for (const mil::ValueType& output_type : compressed->output_types)
    outputs.push_back(Tensor::zeros(output_type.tensor.dtype, output_type.tensor.shape));
  ANEMONE_RETURN_IF_ERROR(compressed->op->eval(
      mil::Operands(operands, compressed->offsets, compressed->opset), outputs));
  return outputs[output];
}

}  // namespace anemone::runtime
