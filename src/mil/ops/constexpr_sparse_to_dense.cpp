#include "mil/ops/inference.h"
#include "mil/ops/sparse.h"

namespace anemone::mil {
namespace {

enum : size_t { kNonzeroData, kMask, kShape };
constexpr DTypeSet kElements{DType::int4,  DType::uint4, DType::int8,
                             DType::uint8, DType::fp16,  DType::fp32};
constexpr Parameter kParameters[] = {
    {"nonzero_data", kElements, Presence::required, BindingRule::constant},
    {"mask", {DType::uint1, DType::uint8}, Presence::required, BindingRule::constant},
    {"shape", {DType::uint32, DType::int32}, Presence::optional, BindingRule::constant}};

/// The shape of the result from the mask, or in the form of iOS16 from `shape`.
Inferred infer_dense(const Operands& in) {
  const Shape& mask = in.shape(kMask);
  const DType dtype = in.dtype(kNonzeroData);
  if (!in.has(kShape)) {
    if (in.dtype(kMask) != DType::uint1)
      return violates("c4", "without a shape, mask is {}, expected uint1",
                      to_string(in.dtype(kMask)));
    return infers(dtype, mask);
  }
  if (in.dtype(kMask) != DType::uint8 || mask.rank() != 1)
    return violates("c4", "with a shape, mask is {} {}, expected a vector of uint8",
                    to_string(in.dtype(kMask)), mask.to_string());
  Inferred inferred = infer_shape_given(in, kShape, dtype);
  if (std::holds_alternative<Violation>(inferred)) return inferred;
  const Shape& shape = std::get<std::vector<ValueType>>(inferred)[0].tensor.shape;
  if (!shape.is_known()) return inferred;
  const auto count = checked_element_count(shape.dims());
  if (!count || checked_byte_count(DType::uint1, *count) != mask[0])
    return violates("c5", "mask holds {} bytes, which is not a bit for each element of {}", mask[0],
                    shape.to_string());
  return inferred;
}

Inferred infer(const Operands& in, size_t) {
  Inferred inferred = infer_dense(in);
  if (std::holds_alternative<Violation>(inferred)) return inferred;
  const Shape& shape = std::get<std::vector<ValueType>>(inferred)[0].tensor.shape;
  if (auto wrong = check_nonzero(in, kNonzeroData, kMask, shape)) return *wrong;
  return inferred;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& data = *in.value(kNonzeroData);
  Tensor& out = outputs[0];
  if (const auto wrong = check_nonzero(in, kNonzeroData, kMask, out.shape()))
    return fail(ErrorCode::mismatch, "{}", wrong->message);
  const Tensor mask = mask_bits(*in.value(kMask), out.shape());
  int64_t next = 0;
  for (int64_t i = 0; i < out.element_count(); ++i)
    if (mask.at(i) != 0) out.set(i, data.at(next++));
  return {};
}

}  // namespace

extern constinit const OpDef k_constexpr_sparse_to_dense{
    .name = "constexpr_sparse_to_dense",
    .first_opset = 16,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "nonzero_data in order where the bits of mask are set, zero elsewhere. With shape "
        "(iOS16) mask is packed into bytes, without it has the shape of the result."};

}  // namespace anemone::mil
