#include "mil/evaluate.h"

#include "mil/type.h"

namespace anemone::mil {
namespace {

/// Far above any tensor of a model that an oracle can run, far below what a hostile shape asks for.
constexpr int64_t kMaxOutputBytes = int64_t{1} << 32;

Result<Tensor> allocate(const ValueType& type, bool round_fp16) {
  const auto stored = storage_type(type);
  if (!stored) return fail(ErrorCode::unsupported, "a value of type {}", to_string(type));
  if (stored->variable_rank || !stored->shape.is_known())
    return fail(ErrorCode::mismatch, "the output type {} is not fully known", to_string(type));
  const DType dtype = stored->dtype == DType::fp16 && !round_fp16 ? DType::fp32 : stored->dtype;
  const auto count = checked_element_count(stored->shape.dims());
  const int64_t bits = dtype == DType::string ? 8 * int64_t{sizeof(std::string)} : bit_width(dtype);
  if (!count || *count > kMaxOutputBytes * 8 / bits)
    return fail(ErrorCode::limit, "an output of type {} is larger than {} bytes", to_string(type),
                kMaxOutputBytes);
  return Tensor::zeros(dtype, stored->shape);
}

}  // namespace

Result<std::vector<Tensor>> evaluate(const OpDef& op, const Operands& inputs,
                                     std::span<const ValueType> types, bool round_fp16) {
  if (op.eval == nullptr)
    return fail(ErrorCode::unsupported, "op '{}' has no reference evaluation", op.name);
  const bool round = round_fp16 || op.name.starts_with("constexpr_");
  std::vector<Tensor> outputs;
  outputs.reserve(types.size());
  for (const ValueType& type : types) {
    ANEMONE_TRY(Tensor output, allocate(type, round));
    outputs.push_back(std::move(output));
  }
  ANEMONE_RETURN_IF_ERROR(op.eval(inputs, outputs));
  return outputs;
}

}  // namespace anemone::mil
