#include <bit>

#include "mil/ops/inference.h"
#include "mil/ops/palette.h"

namespace anemone::mil {
namespace {

enum : size_t { kIndices, kLut, kShape, kVectorAxis };
constexpr DTypeSet kEntries{DType::int8, DType::uint8, DType::fp16, DType::fp32};
constexpr Parameter kParameters[] = {
    {"indices",
     {DType::uint1, DType::uint2, DType::uint3, DType::uint4, DType::uint6, DType::uint8},
     Presence::required,
     BindingRule::constant},
    {"lut", kEntries, Presence::required, BindingRule::constant},
    {"shape", {DType::uint32, DType::int32}, Presence::optional, BindingRule::constant},
    {"vector_axis", kInt32, Presence::optional, BindingRule::constant}};

/// The type of the indices into a flat table, or nothing for a table of another size.
std::optional<DType> flat_index_dtype(int64_t entries) {
  switch (entries) {
    case 2:
      return DType::uint1;
    case 4:
      return DType::uint2;
    case 16:
      return DType::uint4;
    case 64:
      return DType::uint6;
    case 256:
      return DType::uint8;
    default:
      return std::nullopt;
  }
}

/// The form of iOS16: bytes that pack the indices, one table, and the shape of the result.
Inferred infer_flat(const Operands& in) {
  const Shape& indices = in.shape(kIndices);
  const Shape& lut = in.shape(kLut);
  Inferred inferred = infer_shape_given(in, kShape, in.dtype(kLut));
  if (std::holds_alternative<Violation>(inferred)) return inferred;
  const auto index_dtype = lut.rank() == 1 ? flat_index_dtype(lut[0]) : std::nullopt;
  if (!index_dtype || indices.rank() != 1 || in.dtype(kIndices) != DType::uint8)
    return violates("c8",
                    "with a shape, lut {} and indices {} of {} should be vectors of 2, 4, 16, 64 "
                    "or 256 entries and of uint8",
                    lut.to_string(), indices.to_string(), to_string(in.dtype(kIndices)));
  const Shape& shape = std::get<std::vector<ValueType>>(inferred)[0].tensor.shape;
  const auto count = shape.is_known() ? checked_element_count(shape.dims()) : indices[0];
  const auto bytes = count ? checked_byte_count(*index_dtype, *count) : std::nullopt;
  if (shape.is_known() && bytes != indices[0])
    return violates("c9", "indices hold {} bytes, which is not what {} elements of {} take",
                    indices[0], shape.to_string(), to_string(*index_dtype));
  return inferred;
}

Inferred infer(const Operands& in, size_t) {
  if (in.has(kShape)) return infer_flat(in);
  const Shape& indices = in.shape(kIndices);
  if (auto wrong = check_palette(in, indices, in.dtype(kIndices), kLut, kVectorAxis)) return *wrong;
  return infers(in.dtype(kLut), unpacked_shape(in, indices, kLut, kVectorAxis));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& indices = *in.value(kIndices);
  const Tensor& lut = *in.value(kLut);
  Tensor& out = outputs[0];
  if (in.has(kShape)) {
    const Tensor unpacked =
        Tensor::view(*flat_index_dtype(lut.element_count()), out.shape(), indices.bytes(), nullptr);
    for (int64_t i = 0; i < out.element_count(); ++i)
      out.set(i, lut.at(static_cast<int64_t>(unpacked.at(i))));
    return {};
  }
  PaletteWalk walk(in, indices.shape(), kLut, kVectorAxis);
  for (int64_t i = 0; i < out.element_count(); ++i, walk.next()) {
    const auto index = static_cast<int64_t>(indices.at(walk.index_position()));
    out.set(i, lut.at(walk.table_position(index)));
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_constexpr_lut_to_dense{
    .name = "constexpr_lut_to_dense",
    .first_opset = 16,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "The entries of the palette lut that indices name. With shape (iOS16): packed bytes and "
        "one flat table; without: one table for each group of indices, whose entries may be "
        "vectors along vector_axis."};

}  // namespace anemone::mil
