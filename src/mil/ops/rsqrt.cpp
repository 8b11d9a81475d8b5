#include <cmath>

#include "mil/ops/elementwise.h"
#include "mil/ops/rounding.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kEpsilon };
constexpr Parameter kParameters[] = {
    {"x", kFloat}, {"epsilon", kFloat, Presence::optional, BindingRule::constant}};

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double epsilon = in.number(kEpsilon, round_to(in.dtype(kX), 1e-12));
  map_elements(*in.value(kX), outputs[0],
               [epsilon](double x) { return 1 / std::sqrt(x + epsilon); });
  return {};
}

}  // namespace

extern constinit const OpDef k_rsqrt{
    .name = "rsqrt",
    .parameters = kParameters,
    .infer = infer_like_first,
    .eval = eval,
    .doc = "1 / sqrt(x + epsilon); epsilon is 1e-12 by default, which is 0 in fp16."};

}  // namespace anemone::mil
