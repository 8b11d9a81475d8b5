#include "mil/ops/inference.h"
#include "mil/ops/palette.h"
#include "mil/ops/sparse.h"

namespace anemone::mil {
namespace {

enum : size_t { kMask, kIndices, kLut, kVectorAxis };
constexpr Parameter kParameters[] = {
    {"indices_mask", {DType::uint1}, Presence::required, BindingRule::constant},
    {"indices_nonzero_data",
     {DType::uint1, DType::uint2, DType::uint3, DType::uint4, DType::uint6, DType::uint8},
     Presence::required,
     BindingRule::constant},
    {"lut",
     {DType::int8, DType::uint8, DType::fp16, DType::fp32},
     Presence::required,
     BindingRule::constant},
    {"vector_axis", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& mask = in.shape(kMask);
  if (auto wrong = check_nonzero(in, kIndices, kMask, mask)) return *wrong;
  if (auto wrong = check_palette(in, mask, in.dtype(kIndices), kLut, kVectorAxis)) return *wrong;
  const Shape& lut = in.shape(kLut);
  const int64_t vector = lut[lut.rank() - 1];
  return std::vector{
      ValueType::of(DType::uint1, unpacked_shape(in, mask, kLut, kVectorAxis)),
      ValueType::of(in.dtype(kLut), Shape{multiply_dims(in.shape(kIndices)[0], vector)})};
}

/// For each element of the mask how many bits are set before it.
std::vector<int64_t> ranks_of(const Tensor& mask) {
  std::vector<int64_t> ranks;
  ranks.reserve(static_cast<size_t>(mask.element_count()));
  int64_t ones = 0;
  for (int64_t i = 0; i < mask.element_count(); ++i) {
    ranks.push_back(ones);
    if (mask.at(i) != 0) ++ones;
  }
  return ranks;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& mask = *in.value(kMask);
  if (const auto wrong = check_nonzero(in, kIndices, kMask, mask.shape()))
    return fail(ErrorCode::mismatch, "{}", wrong->message);
  const Tensor& indices = *in.value(kIndices);
  const Tensor& lut = *in.value(kLut);
  const std::vector<int64_t> ranks = ranks_of(mask);
  PaletteWalk walk(in, mask.shape(), kLut, kVectorAxis);
  int64_t next = 0;
  for (int64_t i = 0; i < outputs[0].element_count(); ++i, walk.next()) {
    const int64_t source = walk.index_position();
    if (mask.at(source) == 0) continue;
    outputs[0].set(i, 1);
    const auto index = static_cast<int64_t>(indices.at(ranks[static_cast<size_t>(source)]));
    outputs[1].set(next++, lut.at(walk.table_position(index)));
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_constexpr_lut_to_sparse{
    .name = "constexpr_lut_to_sparse",
    .first_opset = 18,
    .parameters = kParameters,
    .outputs = {2, 2},
    .infer = infer,
    .eval = eval,
    .doc =
        "constexpr_lut_to_dense for sparse indices: the mask, repeated along vector_axis for "
        "entries that are vectors, and the entries where it is set."};

}  // namespace anemone::mil
