#include "mil/ops/inference.h"
#include "mil/ops/random_stream.h"

namespace anemone::mil {
namespace {

enum : size_t { kShape, kLow, kHigh, kSeed };
constexpr Parameter kParameters[] = {{"shape", kInt32},
                                     {"low", kFloat, Presence::optional, BindingRule::constant},
                                     {"high", kFloat, Presence::optional, BindingRule::constant},
                                     {"seed", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  if (in.has(kLow) && in.has(kHigh) && in.dtype(kLow) != in.dtype(kHigh))
    return violates("c4", "low is {} and high is {}, expected one dtype", to_string(in.dtype(kLow)),
                    to_string(in.dtype(kHigh)));
  return infer_shape_given(in, kShape,
                           in.has(kLow)    ? in.dtype(kLow)
                           : in.has(kHigh) ? in.dtype(kHigh)
                                           : DType::fp32);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double low = in.number(kLow, 0);
  const double high = in.number(kHigh, 1);
  RandomStream random(in.integer(kSeed, -1));
  for (int64_t i = 0; i < outputs[0].element_count(); ++i)
    outputs[0].set(i, low + (high - low) * random.uniform());
  return {};
}

}  // namespace

extern constinit const OpDef k_random_uniform{
    .name = "random_uniform",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "Numbers spread evenly over [low, high); the same for the same seed."};

}  // namespace anemone::mil
