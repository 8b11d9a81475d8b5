#include "runtime/slice_writer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "runtime/arguments.h"

namespace anemone::runtime {
namespace {

/// Reads the entries of a vector; false where they are not known or `take` refuses one.
template <typename Take>
bool read_entries(const Arguments& arguments, std::string_view parameter, const Take& take) {
  if (!arguments.has(parameter)) return true;
  const Tensor* values = arguments.value(parameter);
  if (values == nullptr) return false;
  for (int64_t i = 0; i < values->element_count(); ++i)
    if (!take(static_cast<size_t>(i), values->at(i))) return false;
  return true;
}

}  // namespace

std::unique_ptr<const SliceWriter> SliceWriter::make(const mil::OpDef& op,
                                                     const mil::Operands& operands, DType update,
                                                     DType target) {
  const Arguments arguments(op, operands);
  const Shape& shape = arguments.shape("x");
  for (const auto* bound : {"begin", "end"}) {
    const mil::TensorType& type = arguments.type(bound);
    if (type.dtype != DType::int32 || type.shape.rank() != 1 ||
        type.shape[0] != static_cast<int64_t>(shape.rank()))
      return nullptr;
  }
  auto writer = std::make_unique<SliceWriter>();
  const auto is = [](double wanted) {
    return [wanted](size_t, double value) { return value == wanted; };
  };
  const auto into = [](std::array<bool, Shape::kMaxRank>& mask) {
    return [&mask](size_t axis, double value) {
      mask[axis] = value != 0;
      return true;
    };
  };
  const bool is_plain = read_entries(arguments, "stride", is(1)) &&
                        read_entries(arguments, "squeeze_mask", is(0)) &&
                        read_entries(arguments, "begin_mask", into(writer->from_first_)) &&
                        read_entries(arguments, "end_mask", into(writer->to_last_));
  if (!is_plain || update != target || is_sub_byte(target) || target == DType::string ||
      shape.rank() == 0 || arguments.shape("update").rank() != shape.rank())
    return nullptr;
  writer->update_ = arguments.index("update");
  writer->begin_ = arguments.index("begin");
  writer->end_ = arguments.index("end");
  return writer;
}

bool SliceWriter::write(const mil::Operands& operands, Tensor& target, StateRows* rows) const {
  const Tensor& update = *operands.value(update_);
  const auto begin = operands.value(begin_)->values<int32_t>();
  const auto end = operands.value(end_)->values<int32_t>();
  const Shape& shape = target.shape();
  const Shape& block = update.shape();
  const size_t rank = shape.rank();
  const auto element = static_cast<int64_t>(bit_width(target.dtype()) / 8);
  std::array<int64_t, Shape::kMaxRank> strides{};  // in bytes
  int64_t to = 0;
  int64_t behind_rows = 0;
  int64_t stride = element;
  for (size_t axis = rank; axis-- > 0;) {
    const int64_t length = shape[axis];
    const auto inside = [&](int64_t bound) {
      return std::clamp<int64_t>(bound < 0 ? bound + length : bound, 0, length);
    };
    const int64_t first = from_first_[axis] ? 0 : inside(begin[axis]);
    const int64_t last = to_last_[axis] ? length : inside(end[axis]);
    if (last - first != block[axis] || block[axis] == 0) return false;
    to += first * stride;
    strides[axis] = stride;
    stride *= length;
    if (axis + 2 == rank) behind_rows = last;
  }
  if (rows != nullptr) rows->used = std::max(rows->used, behind_rows);
  const int64_t run = block[rank - 1] * element;
  const std::byte* from = update.bytes().data();
  std::byte* const bytes = target.mutable_bytes().data();
  std::array<int64_t, Shape::kMaxRank> at{};
  for (const std::byte* const behind = from + update.bytes().size(); from < behind; from += run) {
    std::memcpy(bytes + to, from, static_cast<size_t>(run));
    for (size_t axis = rank - 1; axis-- > 0;) {
      to += strides[axis];
      if (++at[axis] < block[axis]) break;
      to -= strides[axis] * block[axis];
      at[axis] = 0;
    }
  }
  return true;
}

}  // namespace anemone::runtime
