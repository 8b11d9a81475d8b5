#include "mil/ops/block_copy.h"

#include <cstring>

#include "base/check.h"

namespace anemone::mil {
namespace {

/// The block without axes of length 1 and with neighbouring axes joined where both sides allow it:
/// fewer, longer loops.
struct Loops {
  size_t rank = 0;
  std::array<int64_t, Shape::kMaxRank> count{};
  std::array<int64_t, Shape::kMaxRank> from{};
  std::array<int64_t, Shape::kMaxRank> to{};
};

Loops join_axes(const Shape& block, const Layout& from, const Layout& to) {
  Loops loops;
  for (size_t axis = 0; axis < block.rank(); ++axis) {
    if (block[axis] == 1) continue;
    if (loops.rank > 0) {
      const size_t outer = loops.rank - 1;
      if (loops.from[outer] == from.strides[axis] * block[axis] &&
          loops.to[outer] == to.strides[axis] * block[axis]) {
        loops.count[outer] *= block[axis];
        loops.from[outer] = from.strides[axis];
        loops.to[outer] = to.strides[axis];
        continue;
      }
    }
    loops.count[loops.rank] = block[axis];
    loops.from[loops.rank] = from.strides[axis];
    loops.to[loops.rank] = to.strides[axis];
    ++loops.rank;
  }
  if (loops.rank == 0) {
    loops.rank = 1;
    loops.count[0] = loops.from[0] = loops.to[0] = 1;
  }
  return loops;
}

/// Calls row(from, to) with the addresses of the first element of every innermost row.
template <typename Row>
void for_each_row(const Loops& loops, int64_t from, int64_t to, const Row& row) {
  std::array<int64_t, Shape::kMaxRank> index{};
  const size_t outer = loops.rank - 1;
  while (true) {
    row(from, to);
    size_t axis = outer;
    while (axis > 0) {
      --axis;
      from += loops.from[axis];
      to += loops.to[axis];
      if (++index[axis] < loops.count[axis]) break;
      from -= loops.from[axis] * loops.count[axis];
      to -= loops.to[axis] * loops.count[axis];
      index[axis] = 0;
      if (axis == 0) return;
    }
    if (outer == 0) return;
  }
}

template <typename T>
void copy_typed(const Loops& loops, const std::byte* source, int64_t from, std::byte* target,
                int64_t to) {
  const size_t inner = loops.rank - 1;
  const int64_t count = loops.count[inner];
  const int64_t from_step = loops.from[inner];
  const int64_t to_step = loops.to[inner];
  if (from_step == 1 && to_step == 1) {
    for_each_row(loops, from, to, [&](int64_t source_index, int64_t target_index) {
      std::memcpy(target + static_cast<size_t>(target_index) * sizeof(T),
                  source + static_cast<size_t>(source_index) * sizeof(T),
                  static_cast<size_t>(count) * sizeof(T));
    });
    return;
  }
  for_each_row(loops, from, to, [&](int64_t source_index, int64_t target_index) {
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(target + static_cast<size_t>(target_index + i * to_step) * sizeof(T),
                  source + static_cast<size_t>(source_index + i * from_step) * sizeof(T),
                  sizeof(T));
  });
}

void copy_converted(const Loops& loops, const Tensor& source, int64_t from, Tensor& target,
                    int64_t to) {
  const size_t inner = loops.rank - 1;
  for_each_row(loops, from, to, [&](int64_t source_index, int64_t target_index) {
    for (int64_t i = 0; i < loops.count[inner]; ++i)
      target.set(target_index + i * loops.to[inner],
                 source.at(source_index + i * loops.from[inner]));
  });
}

void copy_strings(const Loops& loops, const Tensor& source, int64_t from, Tensor& target,
                  int64_t to) {
  const auto input = source.strings();
  const auto output = target.mutable_strings();
  const size_t inner = loops.rank - 1;
  for_each_row(loops, from, to, [&](int64_t source_index, int64_t target_index) {
    for (int64_t i = 0; i < loops.count[inner]; ++i)
      output[static_cast<size_t>(target_index + i * loops.to[inner])] =
          input[static_cast<size_t>(source_index + i * loops.from[inner])];
  });
}

}  // namespace

Layout Layout::dense(const Shape& shape) {
  Layout layout;
  for (size_t axis = 0; axis < shape.rank(); ++axis) layout.strides[axis] = shape.stride(axis);
  return layout;
}

void copy_block(const Shape& block, const Tensor& source, const Layout& from, Tensor& target,
                const Layout& to) {
  if (block.element_count() == 0) return;
  const Loops loops = join_axes(block, from, to);
  if (source.dtype() == DType::string)
    return copy_strings(loops, source, from.offset, target, to.offset);
  if (source.dtype() != target.dtype() || is_sub_byte(source.dtype()))
    return copy_converted(loops, source, from.offset, target, to.offset);
  const std::byte* input = source.bytes().data();
  std::byte* output = target.mutable_bytes().data();
  switch (bit_width(source.dtype())) {
    case 8:
      return copy_typed<uint8_t>(loops, input, from.offset, output, to.offset);
    case 16:
      return copy_typed<uint16_t>(loops, input, from.offset, output, to.offset);
    case 32:
      return copy_typed<uint32_t>(loops, input, from.offset, output, to.offset);
    case 64:
      return copy_typed<uint64_t>(loops, input, from.offset, output, to.offset);
    default:
      ANEMONE_CHECK(false, "elements of whole bytes have 8, 16, 32 or 64 bits");
  }
}

void copy_run(const Tensor& source, int64_t from, Tensor& target, int64_t to, int64_t count) {
  Layout source_layout, target_layout;
  source_layout.offset = from;
  target_layout.offset = to;
  source_layout.strides[0] = target_layout.strides[0] = 1;
  copy_block(Shape{count}, source, source_layout, target, target_layout);
}

void copy_permuted(const Tensor& source, const Shape& shape, std::span<const size_t> permutation,
                   Tensor& target) {
  Shape block;
  Layout from;
  for (const size_t axis : permutation) {
    from.strides[block.rank()] = shape.stride(axis);
    block.push_back(shape[axis]);
  }
  copy_block(block, source, from, target, Layout::dense(block));
}

void copy_all(const Tensor& source, Tensor& target) {
  copy_run(source, 0, target, 0, source.element_count());
}

}  // namespace anemone::mil
