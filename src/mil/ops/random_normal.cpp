#include "mil/ops/inference.h"
#include "mil/ops/random_stream.h"

namespace anemone::mil {
namespace {

enum : size_t { kShape, kMean, kStddev, kSeed };
constexpr Parameter kParameters[] = {{"shape", kInt32},
                                     {"mean", kFloat, Presence::optional, BindingRule::constant},
                                     {"stddev", kFloat, Presence::optional, BindingRule::constant},
                                     {"seed", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  if (in.has(kMean) && in.has(kStddev) && in.dtype(kMean) != in.dtype(kStddev))
    return violates("c4", "mean is {} and stddev is {}, expected one dtype",
                    to_string(in.dtype(kMean)), to_string(in.dtype(kStddev)));
  return infer_shape_given(in, kShape,
                           in.has(kMean)     ? in.dtype(kMean)
                           : in.has(kStddev) ? in.dtype(kStddev)
                                             : DType::fp32);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double mean = in.number(kMean, 0);
  const double stddev = in.number(kStddev, 1);
  RandomStream random(in.integer(kSeed, -1));
  for (int64_t i = 0; i < outputs[0].element_count(); ++i)
    outputs[0].set(i, mean + stddev * random.normal());
  return {};
}

}  // namespace

extern constinit const OpDef k_random_normal{
    .name = "random_normal",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "Normally distributed numbers; the same for the same seed."};

}  // namespace anemone::mil
