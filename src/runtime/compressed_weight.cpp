#include "runtime/compressed_weight.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "runtime/arguments.h"

namespace anemone::runtime {
namespace {

using kernels::kPanelColumns;

constexpr size_t kTablePadding = 64;  // floats that kernels::Matrix wants behind the last table

/// Elements of a packed or whole-byte integer tensor, faster than Tensor::at.
class Fields {
 public:
  explicit Fields(const Tensor& tensor, int bits)
      : bytes_(reinterpret_cast<const uint8_t*>(tensor.bytes().data())), bits_(bits) {}
  int operator[](int64_t index) const {
    if (bits_ == 8) return bytes_[index];
    int value = 0;
    for (int bit = 0; bit < bits_; ++bit) {
      const int64_t at = index * bits_ + bit;
      value |= ((bytes_[at / 8] >> (at % 8)) & 1) << bit;
    }
    return value;
  }

 private:
  const uint8_t* bytes_;
  int bits_;
};

void put(uint8_t* plane, int width, int64_t lane, int value) {
  uint8_t& byte = plane[lane % (2 * width)];
  byte = static_cast<uint8_t>(byte | (value << (width * (lane / (2 * width)))));
}

/// As kernels::Matrix describes fields.
void put_field(uint8_t* record, int bits, int64_t lane, int value) {
  switch (bits) {
    case 8:
      record[lane] = static_cast<uint8_t>(value);
      return;
    case 6:
      put(record, 4, lane, value & 15);
      put(record + 8, 2, lane, value >> 4);
      return;
    case 3:
      put(record, 2, lane, value & 3);
      put(record + 4, 1, lane, value >> 2);
      return;
    default:
      put(record, bits, lane, value);
  }
}

void pack_fields(PackedWeight& packed, int bits, const std::function<int(int64_t)>& field) {
  kernels::Matrix& matrix = packed.matrix;
  const int64_t panels = (matrix.columns + kPanelColumns - 1) / kPanelColumns;
  packed.bytes.assign(static_cast<size_t>(panels * matrix.depth * 2 * bits), 0);
  for (int64_t column = 0; column < matrix.columns; ++column)
    for (int64_t k = 0; k < matrix.depth; ++k) {
      const int64_t record = column / kPanelColumns * matrix.depth + k;
      put_field(packed.bytes.data() + record * 2 * bits, bits, column % kPanelColumns,
                field(column * matrix.depth + k));
    }
  matrix.fields = packed.bytes.data();
  matrix.bits = bits;
}

/// How many blocks `part` divides `whole` into along axis 0 and 1, when all further axes are
/// single.
struct Blocks {
  int64_t columns = 1;
  int64_t depth = 1;
};
std::optional<Blocks> blocks_of(std::span<const int64_t> part) {
  Blocks blocks;
  for (size_t axis = 0; axis < part.size(); ++axis) {
    if (axis == 0)
      blocks.columns = part[0];
    else if (axis == 1)
      blocks.depth = part[1];
    else if (part[axis] != 1)
      return std::nullopt;
  }
  return blocks;
}

const Tensor* tensor_of(const CompressedConstant& source, const Arguments& arguments,
                        std::string_view parameter) {
  if (!arguments.has(parameter)) return nullptr;
  const ConstantPtr& operand = source.operands[arguments.flat(parameter)];
  return operand->is_compressed() ? nullptr : &operand->tensor;
}

bool pack_palette(const CompressedConstant& source, const Arguments& arguments,
                  PackedWeight& packed) {
  const Tensor* indices = tensor_of(source, arguments, "indices");
  if (indices == nullptr) return false;
  auto table = source.operands[arguments.flat("lut")]->expand();
  if (!table.ok() || !is_float(table->dtype())) return false;

  kernels::Matrix& matrix = packed.matrix;
  int bits = bit_width(indices->dtype());
  int64_t tables = 1;
  if (arguments.has("shape")) {
    bits = 0;
    while ((int64_t{1} << bits) < table->element_count()) ++bits;
  } else {
    const auto dims = table->shape().dims();
    const auto groups = blocks_of(dims.first(dims.size() - 2));
    if (dims.back() != 1 || !groups || groups->depth != 1) return false;
    tables = groups->columns;
  }
  const int64_t entries = int64_t{1} << bits;
  if (matrix.columns % tables != 0 || table->element_count() != tables * entries) return false;

  for (int64_t i = 0; i < table->element_count(); ++i)
    packed.floats.push_back(static_cast<float>(table->at(i)));
  packed.floats.resize(packed.floats.size() + kTablePadding, 0.0f);
  const int64_t panels = (matrix.columns + kPanelColumns - 1) / kPanelColumns;
  packed.table_start.assign(static_cast<size_t>(panels * kPanelColumns), 0);
  for (int64_t column = 0; column < matrix.columns; ++column)
    packed.table_start[static_cast<size_t>(column)] =
        static_cast<int32_t>(column / (matrix.columns / tables) * entries);
  const Fields fields(*indices, bits);
  pack_fields(packed, bits, [&](int64_t element) { return fields[element]; });
  matrix.form = kernels::Matrix::Form::palette;
  matrix.tables = packed.floats.data();
  matrix.table_start = packed.table_start.data();
  packed.description = tables > 1 ? fmt::format("palette{} of {} groups", bits, tables)
                                  : fmt::format("palette{}", bits);
  return true;
}

/// A scale or offset by panel, depth group and lane.
std::vector<float> spread(const Tensor& values, Blocks blocks, const kernels::Matrix& matrix) {
  const int64_t panels = (matrix.columns + kPanelColumns - 1) / kPanelColumns;
  std::vector<float> result(static_cast<size_t>(panels * matrix.groups * kPanelColumns), 0.0f);
  for (int64_t column = 0; column < matrix.columns; ++column)
    for (int64_t group = 0; group < matrix.groups; ++group) {
      const int64_t row = column / (matrix.columns / blocks.columns);
      const int64_t at =
          (column / kPanelColumns * matrix.groups + group) * kPanelColumns + column % kPanelColumns;
      result[static_cast<size_t>(at)] = static_cast<float>(
          values.at(row * blocks.depth + group / (matrix.groups / blocks.depth)));
    }
  return result;
}

bool pack_integers(const Tensor& data, const Tensor& scale, const Tensor* offset, Blocks blocks,
                   PackedWeight& packed) {
  kernels::Matrix& matrix = packed.matrix;
  const int bits = bit_width(data.dtype());
  const bool is_signed = data.dtype() == DType::int4 || data.dtype() == DType::int8;
  if (!is_integer(data.dtype()) || (bits != 4 && bits != 8)) return false;
  // A fractional offset would round on its own.
  if (offset != nullptr && !is_integer(offset->dtype())) return false;
  if (matrix.columns % blocks.columns != 0 || matrix.depth % blocks.depth != 0) return false;

  matrix.groups = blocks.depth;
  matrix.group_depth = matrix.depth / blocks.depth;
  matrix.field_bias = is_signed ? -(1 << (bits - 1)) : 0;
  matrix.rounds_to_fp16 = scale.dtype() == DType::fp16;
  packed.floats = spread(scale, blocks, matrix);
  if (offset != nullptr) packed.offsets = spread(*offset, blocks, matrix);
  const Fields fields(data, bits);
  // Two's complement with the sign bit turned is the value plus half the range.
  const int turned = is_signed ? 1 << (bits - 1) : 0;
  pack_fields(packed, bits, [&](int64_t element) { return fields[element] ^ turned; });
  matrix.form = kernels::Matrix::Form::integers;
  matrix.scales = packed.floats.data();
  matrix.offsets = offset != nullptr ? packed.offsets.data() : nullptr;
  packed.description = fmt::format(
      "{}{}", to_string(data.dtype()),
      blocks.depth > 1 ? fmt::format(" per {}", matrix.group_depth) : std::string(" per channel"));
  return true;
}

bool pack_blockwise(const CompressedConstant& source, const Arguments& arguments,
                    PackedWeight& packed) {
  const Tensor* data = tensor_of(source, arguments, "data");
  const Tensor* scale = tensor_of(source, arguments, "scale");
  const Tensor* offset = tensor_of(source, arguments, "offset");
  if (data == nullptr || scale == nullptr || (offset == nullptr && arguments.has("offset")))
    return false;
  const auto blocks = blocks_of(scale->shape().dims());
  if (!blocks || (offset != nullptr && offset->shape() != scale->shape())) return false;
  return pack_integers(*data, *scale, offset, *blocks, packed);
}

bool pack_affine(const CompressedConstant& source, const Arguments& arguments,
                 PackedWeight& packed) {
  const Tensor* data = tensor_of(source, arguments, "quantized_data");
  const Tensor* scale = tensor_of(source, arguments, "scale");
  const Tensor* offset = tensor_of(source, arguments, "zero_point");
  const Tensor* axis = tensor_of(source, arguments, "axis");
  if (data == nullptr || scale == nullptr || offset == nullptr || axis == nullptr) return false;
  const int64_t columns = scale->element_count();
  if (offset->element_count() != columns) return false;
  const bool along_columns =
      axis->at(0) == 0 || -axis->at(0) == static_cast<double>(data->shape().rank());
  if (columns != 1 && !along_columns) return false;
  return pack_integers(*data, *scale, offset, Blocks{.columns = columns}, packed);
}

}  // namespace

bool pack_compressed(const Constant& constant, PackedWeight& packed) {
  const CompressedConstant& source = *constant.compressed;
  const Shape& shape = constant.type.tensor.shape;
  if (shape.rank() < 2 || constant.output != 0) return false;
  std::vector<mil::Operand> scratch;
  const mil::Operands operands = source.bind(scratch);
  const Arguments arguments(*source.op, operands);
  if (source.op->name == "constexpr_lut_to_dense") return pack_palette(source, arguments, packed);
  if (source.op->name == "constexpr_blockwise_shift_scale")
    return pack_blockwise(source, arguments, packed);
  if (source.op->name == "constexpr_affine_dequantize")
    return pack_affine(source, arguments, packed);
  return false;
}

}  // namespace anemone::runtime
