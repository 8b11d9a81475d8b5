#include <algorithm>

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

/// Operations that only move elements: all places are worked out beforehand.
class BlocksBinding final : public Binding {
 public:
  explicit BlocksBinding(BlockCopies copies) : copies_(std::move(copies)) {}

  std::string name() const override { return "copy of blocks"; }

  Status run(const RunContext& context) const override {
    for (const BlockCopy& copy : copies_)
      mil::copy_block(copy.block, *context.operands[copy.operand].value, copy.from,
                      context.outputs[copy.output], copy.to);
    return {};
  }

 private:
  BlockCopies copies_;
};

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
    if (copies) return std::make_unique<BlocksBinding>(*std::move(copies));
  }
  return nullptr;
}

}  // namespace anemone::runtime
