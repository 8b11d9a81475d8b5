#include "runtime/bind.h"

#include <algorithm>
#include <array>

namespace anemone::runtime {

#define FAST_OP(binder, op, reads) \
  std::unique_ptr<Binding> bind_##binder(const BindRequest& request);
#include "runtime/ops/ops.inc"
#undef FAST_OP

namespace {

constexpr std::array kFastOps = {
#define FAST_OP(binder, op, reads) FastOp{#op, bind_##binder, Reads::reads},
#include "runtime/ops/ops.inc"
#undef FAST_OP
};

}  // namespace

const FastOp* find_fast_op(std::string_view op) {
  const auto found = std::ranges::find(kFastOps, op, &FastOp::op);
  return found == kFastOps.end() ? nullptr : &*found;
}

std::vector<float> to_floats(const Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.element_count()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(tensor.at(static_cast<int64_t>(i)));
  return values;
}

}  // namespace anemone::runtime
