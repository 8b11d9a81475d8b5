#include "mil/ops/inference.h"
#include "mil/ops/shift_scale.h"
#include "mil/ops/sparse.h"

namespace anemone::mil {
namespace {

enum : size_t { kMask, kNonzeroData, kScale, kOffset };
constexpr DTypeSet kStored =
    DTypeSet{DType::int4, DType::uint4, DType::int8, DType::uint8} | kFloat;
constexpr Parameter kParameters[] = {
    {"data_mask", {DType::uint1}, Presence::required, BindingRule::constant},
    {"nonzero_data", kStored, Presence::required, BindingRule::constant},
    {"scale", kFloat, Presence::required, BindingRule::constant},
    {"offset", kStored, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& mask = in.shape(kMask);
  if (auto wrong = check_nonzero(in, kNonzeroData, kMask, mask)) return *wrong;
  if (auto wrong = check_shift_scale(in, mask, in.dtype(kNonzeroData), kScale, kOffset))
    return *wrong;
  return std::vector{ValueType::of(DType::uint1, mask),
                     ValueType::of(in.dtype(kScale), in.shape(kNonzeroData))};
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& mask = *in.value(kMask);
  if (const auto wrong = check_nonzero(in, kNonzeroData, kMask, mask.shape()))
    return fail(ErrorCode::mismatch, "{}", wrong->message);
  const Tensor& data = *in.value(kNonzeroData);
  ShiftScale shift_scale(in, mask.shape(), kScale, kOffset);
  int64_t next = 0;
  for (int64_t i = 0; i < mask.element_count(); ++i) {
    if (mask.at(i) == 0) continue;
    outputs[0].set(i, 1);
    outputs[1].set(next, shift_scale(i, data.at(next)));
    ++next;
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_constexpr_sparse_blockwise_shift_scale{
    .name = "constexpr_sparse_blockwise_shift_scale",
    .first_opset = 18,
    .parameters = kParameters,
    .outputs = {2, 2},
    .infer = infer,
    .eval = eval,
    .doc =
        "constexpr_blockwise_shift_scale for sparse data: the mask, and scale * (nonzero_data - "
        "offset) where it is set."};

}  // namespace anemone::mil
