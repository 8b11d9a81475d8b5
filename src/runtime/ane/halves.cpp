#include "runtime/ane/halves.h"

#include <algorithm>

#include "kernels/ane/accumulator.h"

namespace anemone::runtime {
namespace {

namespace ane = kernels::ane;

bool is_other_float(DType dtype) { return is_float(dtype) && dtype != DType::fp16; }

bool has_largest_exponent(const Tensor& tensor) {
  constexpr uint16_t kExponent = 0x7c00;
  return std::ranges::any_of(tensor.values<uint16_t>(),
                             [](uint16_t bits) { return (bits & kExponent) == kExponent; });
}

Tensor decoded(const Tensor& tensor) {
  Tensor result = Tensor::zeros(DType::fp32, tensor.shape());
  std::ranges::transform(tensor.values<uint16_t>(), result.mutable_values<float>().begin(),
                         ane::decode);
  return result;
}

class ReferenceBinding final : public Binding {
 public:
  ReferenceBinding(const BindRequest& request, bool is_sum)
      : op_(request.op), opset_(request.operands.opset()), is_sum_(is_sum) {
    uint32_t offset = 0;
    offsets_.push_back(offset);
    for (size_t p = 0; p < op_.parameters.size(); ++p)
      offsets_.push_back(offset += static_cast<uint32_t>(request.operands.count(p)));
  }

  std::string name() const override { return is_sum_ ? "ane sum" : "ane rounding"; }

  Status run(const RunContext& context) const override {
    std::vector<mil::Operand> operands(context.operands.begin(), context.operands.end());
    std::vector<Tensor> kept;
    kept.reserve(operands.size());
    for (mil::Operand& operand : operands) {
      if (operand.value->dtype() != DType::fp16 || !has_largest_exponent(*operand.value)) continue;
      kept.push_back(decoded(*operand.value));
      operand.value = &kept.back();
    }
    std::vector<Tensor> exact;
    for (const Tensor& output : context.outputs)
      exact.push_back(Tensor::zeros(DType::fp64, output.shape()));
    ANEMONE_RETURN_IF_ERROR(op_.eval(mil::Operands(operands, offsets_, opset_), exact));
    for (size_t i = 0; i < exact.size(); ++i)
      std::ranges::transform(exact[i].values<double>(),
                             context.outputs[i].mutable_values<uint16_t>().begin(),
                             is_sum_ ? ane::limited_sum : ane::round_half_away);
    return {};
  }

 private:
  const mil::OpDef& op_;
  std::vector<uint32_t> offsets_;
  int opset_;
  bool is_sum_;
};

}  // namespace

bool computes_in_fp16(const BindRequest& request) {
  if (std::ranges::any_of(request.output_storage, [](DType dtype) { return dtype != DType::fp16; }))
    return false;
  size_t flat = 0;
  for (size_t p = 0; p < request.op.parameters.size(); ++p) {
    const bool constant = request.op.parameters[p].binding == mil::BindingRule::constant;
    for (size_t i = 0; i < request.operands.count(p); ++i, ++flat)
      if (!constant && is_other_float(request.storage[flat])) return false;
  }
  return true;
}

bool is_all_fp16(const BindRequest& request) {
  return computes_in_fp16(request) && std::ranges::none_of(request.storage, is_other_float);
}

std::unique_ptr<Binding> bind_ane_rounded(const BindRequest& request) {
  return computes_in_fp16(request) ? bind_reference(request, false) : nullptr;
}

std::unique_ptr<Binding> bind_reference(const BindRequest& request, bool is_sum) {
  return std::make_unique<ReferenceBinding>(request, is_sum);
}

}  // namespace anemone::runtime
