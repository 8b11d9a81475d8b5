#include "mil/ops/inference.h"
#include "mil/ops/random_stream.h"

namespace anemone::mil {
namespace {

enum : size_t { kShape, kProb, kSeed };
constexpr Parameter kParameters[] = {{"shape", kInt32},
                                     {"prob", kFloat, Presence::optional, BindingRule::constant},
                                     {"seed", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  if (const double prob = in.number(kProb, 0.5); !(prob >= 0 && prob <= 1))
    return violates("c4", "prob is {}, expected 0 to 1", prob);
  return infer_shape_given(in, kShape, in.has(kProb) ? in.dtype(kProb) : DType::fp32);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double prob = in.number(kProb, 0.5);
  RandomStream random(in.integer(kSeed, -1));
  for (int64_t i = 0; i < outputs[0].element_count(); ++i)
    outputs[0].set(i, random.uniform() < prob ? 1 : 0);
  return {};
}

}  // namespace

extern constinit const OpDef k_random_bernoulli{
    .name = "random_bernoulli",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "1 with probability prob, else 0; the same numbers for the same seed."};

}  // namespace anemone::mil
