#include <algorithm>
#include <array>
#include <cstring>

#include "mil/ops/block_copy.h"
#include "mil/ops/slice.h"
#include "runtime/bind.h"

namespace anemone::runtime {
namespace {

using mil::Layout;

/// A block of elements that goes from an operand to an output.
struct BlockCopy {
  size_t operand = 0;
  size_t output = 0;
  Shape block;
  Layout from;
  Layout to;
};
using BlockCopies = std::vector<BlockCopy>;

/// A copy between elements of one size as loops over runs of bytes, which are worked out
/// beforehand.
class RunCopy {
 public:
  RunCopy(const BlockCopy& copy, int64_t element_bytes)
      : from_(copy.from.offset * element_bytes), to_(copy.to.offset * element_bytes) {
    for (size_t axis = 0; axis < copy.block.rank(); ++axis) {
      if (copy.block[axis] == 1) continue;
      const Axis next{copy.block[axis], copy.from.strides[axis] * element_bytes,
                      copy.to.strides[axis] * element_bytes};
      if (rank_ > 0) {
        Axis& outer = axes_[rank_ - 1];
        if (outer.from == next.from * next.count && outer.to == next.to * next.count) {
          outer = {outer.count * next.count, next.from, next.to};
          continue;
        }
      }
      axes_[rank_++] = next;
    }
    run_ = element_bytes;
    if (rank_ > 0 && axes_[rank_ - 1].from == run_ && axes_[rank_ - 1].to == run_)
      run_ *= axes_[--rank_].count;
  }

  void copy(const std::byte* from, std::byte* to) const { copy_axis(0, from + from_, to + to_); }

 private:
  struct Axis {
    int64_t count = 1;
    int64_t from = 0;  ///< in bytes.
    int64_t to = 0;
  };

  void copy_axis(size_t axis, const std::byte* from, std::byte* to) const {
    if (axis == rank_) {
      std::memcpy(to, from, static_cast<size_t>(run_));
      return;
    }
    const Axis& loop = axes_[axis];
    const bool is_last = axis + 1 == rank_;
    for (int64_t i = 0; i < loop.count; ++i, from += loop.from, to += loop.to) {
      if (!is_last)
        copy_axis(axis + 1, from, to);
      else if (run_ == sizeof(uint16_t))
        std::memcpy(to, from, sizeof(uint16_t));
      else
        std::memcpy(to, from, static_cast<size_t>(run_));
    }
  }

  std::array<Axis, Shape::kMaxRank> axes_;
  size_t rank_ = 0;
  int64_t run_ = 0;  ///< bytes that lie side by side.
  int64_t from_ = 0;
  int64_t to_ = 0;
};

/// Operations that only move elements: all places are worked out beforehand.
class BlocksBinding final : public Binding {
 public:
  /// `element_bytes`: of all operands and outputs; 0 where they differ and elements are converted.
  BlocksBinding(BlockCopies copies, int64_t element_bytes) : copies_(std::move(copies)) {
    std::erase_if(copies_, [](const BlockCopy& copy) { return copy.block.element_count() == 0; });
    if (element_bytes == 0) return;
    for (const BlockCopy& copy : copies_) runs_.emplace_back(copy, element_bytes);
  }

  std::string name() const override { return "copy of blocks"; }

  Status run(const RunContext& context) const override {
    for (size_t i = 0; i < copies_.size(); ++i) {
      const BlockCopy& copy = copies_[i];
      const Tensor& source = *context.operands[copy.operand].value;
      Tensor& target = context.outputs[copy.output];
      if (runs_.empty())
        mil::copy_block(copy.block, source, copy.from, target, copy.to);
      else
        runs_[i].copy(source.bytes().data(), target.mutable_bytes().data());
    }
    return {};
  }

  bool joins_neighbours() const override { return !runs_.empty(); }

  void run_neighbours(const Neighbours& all, std::span<std::byte>,
                      ThreadPool& pool) const override {
    for (size_t i = 0; i < copies_.size(); ++i) {
      const BlockCopy& copy = copies_[i];
      const std::byte* from = all.operand(copy.operand);
      std::byte* to = all.output(copy.output);
      const int64_t from_stride = all.operand_stride(copy.operand);
      const int64_t to_stride = all.output_stride(copy.output);
      pool.parallel_for(all.count, kGrain / copy.block.element_count() + 1,
                        [&](int64_t first, int64_t last) {
                          for (int64_t lane = first; lane < last; ++lane)
                            runs_[i].copy(from + lane * from_stride, to + lane * to_stride);
                        });
    }
  }

 private:
  static constexpr int64_t kGrain = 1 << 16;  // elements that are worth a thread

  BlockCopies copies_;
  std::vector<RunCopy> runs_;
};

/// Bytes of an element where operands and outputs have one dtype, else 0.
int64_t element_bytes(const BindRequest& request, const BlockCopies& copies) {
  const DType dtype = request.output_storage[0];
  for (const BlockCopy& copy : copies)
    if (request.storage[copy.operand] != dtype || request.output_storage[copy.output] != dtype)
      return 0;
  return bit_width(dtype) / 8;
}

size_t from_front(int64_t axis, size_t rank) {
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
}

std::optional<BlockCopies> transpose(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const auto perm = arguments.integers("perm");
  if (!perm) return std::nullopt;
  const Shape& x = arguments.shape("x");
  BlockCopy copy{.operand = arguments.flat("x")};
  for (const int64_t axis : *perm) {
    copy.from.strides[copy.block.rank()] = x.stride(from_front(axis, x.rank()));
    copy.block.push_back(x[from_front(axis, x.rank())]);
  }
  copy.to = Layout::dense(copy.block);
  return BlockCopies{copy};
}

std::optional<BlockCopies> concat(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const Shape& out = request.outputs[0].tensor.shape;
  const size_t count = arguments.count("values");
  if (arguments.shape("values").rank() == 0) return std::nullopt;
  const size_t axis = from_front(arguments.integer("axis", 0), out.rank());
  const bool interleave = arguments.boolean("interleave", false);
  Layout to = Layout::dense(out);
  const int64_t step = to.strides[axis];
  if (interleave) to.strides[axis] *= static_cast<int64_t>(count);
  BlockCopies copies;
  for (size_t i = 0; i < count; ++i) {
    const Shape& value = arguments.shape("values", i);
    copies.push_back({.operand = arguments.flat("values", i),
                      .block = value,
                      .from = Layout::dense(value),
                      .to = to});
    to.offset += interleave ? step : step * value[axis];
  }
  return copies;
}

std::optional<BlockCopies> slice_by_index(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  for (const auto* parameter : {"begin", "end", "stride", "begin_mask", "end_mask", "squeeze_mask"})
    if (!arguments.is_known(parameter)) return std::nullopt;
  const Shape& x = arguments.shape("x");
  const auto resolved =
      mil::resolve_slice(request.operands, x,
                         {arguments.index("begin"), arguments.index("end"),
                          arguments.index("stride"), arguments.index("begin_mask"),
                          arguments.index("end_mask"), arguments.index("squeeze_mask")});
  const auto* slice = std::get_if<mil::Slice>(&resolved);
  if (slice == nullptr) return std::nullopt;
  return BlockCopies{{.operand = arguments.flat("x"),
                      .block = slice->block(),
                      .from = slice->layout(x),
                      .to = Layout::dense(slice->block())}};
}

std::optional<BlockCopies> split(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const Shape& x = arguments.shape("x");
  const size_t axis = from_front(arguments.integer("axis", 0), x.rank());
  Layout from = Layout::dense(x);
  BlockCopies copies;
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    const Shape& part = request.outputs[i].tensor.shape;
    copies.push_back({.operand = arguments.flat("x"),
                      .output = i,
                      .block = part,
                      .from = from,
                      .to = Layout::dense(part)});
    from.offset += part[axis] * from.strides[axis];
  }
  return copies;
}

/// An axis of length 1 repeats inside one block (stride 0); others by one block per repetition.
std::optional<BlockCopies> tile(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const Shape& x = arguments.shape("x");
  const Shape& out = request.outputs[0].tensor.shape;
  BlockCopies copies{{.operand = arguments.flat("x"),
                      .block = x,
                      .from = Layout::dense(x),
                      .to = Layout::dense(out)}};
  for (size_t axis = 0; axis < x.rank(); ++axis) {
    if (x[axis] == 1) {
      for (BlockCopy& copy : copies) {
        copy.block[axis] = out[axis];
        copy.from.strides[axis] = 0;
      }
      continue;
    }
    const BlockCopies first = copies;
    for (int64_t place = x[axis]; place < out[axis]; place += x[axis])
      for (BlockCopy copy : first) {
        copy.to.offset += place * copy.to.strides[axis];
        copies.push_back(copy);
      }
  }
  return copies;
}

}  // namespace

std::unique_ptr<Binding> bind_blocks(const BindRequest& request) {
  struct Function {
    std::string_view op;
    std::optional<BlockCopies> (*copies)(const BindRequest&);
  };
  constexpr Function kFunctions[] = {{"concat", concat},
                                     {"slice_by_index", slice_by_index},
                                     {"split", split},
                                     {"tile", tile},
                                     {"transpose", transpose}};
  for (const DType dtype : request.output_storage)
    if (dtype == DType::string || is_sub_byte(dtype)) return nullptr;
  for (const mil::ValueType& output : request.outputs)
    if (output.kind != mil::ValueType::Kind::tensor || output.tensor.shape.element_count() == 0)
      return nullptr;
  for (const Function& function : kFunctions) {
    if (function.op != request.op.name) continue;
    auto copies = function.copies(request);
    if (!copies) continue;
    const int64_t bytes = element_bytes(request, *copies);
    return std::make_unique<BlocksBinding>(*std::move(copies), bytes);
  }
  return nullptr;
}

}  // namespace anemone::runtime
