#include "mil/op.h"

namespace anemone::mil {
namespace {

enum : size_t { kX };
constexpr Parameter kParameters[] = {{"x", kFloat}};

Inferred infer(const Operands& in, size_t) { return std::vector{*in.at(kX).type}; }

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  for (int64_t i = 0; i < x.element_count(); ++i) {
    const double value = x.at(i);
    outputs[0].set(i, value < 0 ? 0 : value);
  }
  return {};
}

}  // namespace

constinit const OpDef k_relu{.name = "relu",
                             .parameters = kParameters,
                             .infer = infer,
                             .eval = eval,
                             .doc = "max(x, 0); NaN stays NaN."};

}  // namespace anemone::mil
