#include "runtime/bind.h"

#include <algorithm>
#include <array>

namespace anemone::runtime {

#define FAST_OP(binder, op, reads) \
  std::unique_ptr<Binding> bind_##binder(const BindRequest& request);
#include "runtime/ops/ops.inc"
#undef FAST_OP
#define ANE_OP(binder, op) std::unique_ptr<Binding> bind_ane_##binder(const BindRequest& request);
#include "runtime/ane/ops.inc"
#undef ANE_OP

namespace {

constexpr std::array kFastOps = {
#define FAST_OP(binder, op, reads) FastOp{#op, bind_##binder, Reads::reads},
#include "runtime/ops/ops.inc"
#undef FAST_OP
};

constexpr std::array kAneOps = {
#define ANE_OP(binder, op) FastOp{#op, bind_ane_##binder, Reads::values},
#include "runtime/ane/ops.inc"
#undef ANE_OP
};

/// Results are numbers of the operands, bit by bit.
constexpr std::array kMovingOps = {
    "abs",        "concat", "maximum",        "minimum", "reduce_argmax", "reduce_max",
    "reduce_min", "relu",   "slice_by_index", "split",   "tile",          "transpose"};

const FastOp* find_in(std::span<const FastOp> ops, std::string_view op) {
  const auto found = std::ranges::find(ops, op, &FastOp::op);
  return found == ops.end() ? nullptr : &*found;
}

}  // namespace

const FastOp* find_fast_op(std::string_view op, Numerics numerics) {
  if (numerics != Numerics::ane) return find_in(kFastOps, op);
  const bool moves = std::ranges::find(kMovingOps, op) != kMovingOps.end();
  return moves ? find_in(kFastOps, op) : find_in(kAneOps, op);
}

std::vector<float> to_floats(const Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.element_count()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(tensor.at(static_cast<int64_t>(i)));
  return values;
}

}  // namespace anemone::runtime
