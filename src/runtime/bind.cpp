#include "runtime/bind.h"

#include <algorithm>
#include <array>

#include "runtime/ane/halves.h"

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

constexpr std::array kMovingOps = {
#define ANE_MOVE(op) std::string_view(#op),
#include "runtime/ane/moves.inc"
#undef ANE_MOVE
};

constexpr FastOp kRoundedOp{"", bind_ane_rounded, Reads::values};

const FastOp* find_in(std::span<const FastOp> ops, std::string_view op) {
  const auto found = std::ranges::find(ops, op, &FastOp::op);
  return found == ops.end() ? nullptr : &*found;
}

}  // namespace

const FastOp* find_fast_op(std::string_view op, Numerics numerics) {
  if (numerics != Numerics::ane) return find_in(kFastOps, op);
  if (std::ranges::binary_search(kMovingOps, op)) return find_in(kFastOps, op);
  const FastOp* own = find_in(kAneOps, op);
  return own != nullptr ? own : &kRoundedOp;
}

std::vector<float> to_floats(const Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.element_count()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(tensor.at(static_cast<int64_t>(i)));
  return values;
}

}  // namespace anemone::runtime
