#include "mil/ops/hoist.h"
#include "mil/ops/inference.h"
#include "mil/ops/mixed_dtype.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kWeight, kBias };
constexpr Parameter kParameters[] = {
    {"x", kFloat | kInt32},
    {"weight", kFloat | kInt32, Presence::required, BindingRule::constant},
    {"bias", kFloat | kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& weight = in.shape(kWeight);
  if (x.rank() < 1) return violates("c1", "x is a scalar, expected rank 1 or more");
  if (weight.rank() != 2) return violates("c2", "weight has rank {}, expected 2", weight.rank());
  const int64_t depth = x[x.rank() - 1];
  if (depth != weight[1] && depth != kUnknownDim)
    return violates("c3", "x ends in {} elements and weight takes {}", depth, weight[1]);
  if (in.has(kBias) && in.shape(kBias) != Shape{weight[0]})
    return violates("c4", "bias is {}, expected [{}], one for each row of weight",
                    in.shape(kBias).to_string(), weight[0]);
  if (const auto wrong = mixed_dtype(in, kWeight, "weight", "c5")) return *wrong;
  if (const auto wrong = mixed_dtype(in, kBias, "bias", "c5")) return *wrong;
  Shape shape = x;
  shape[x.rank() - 1] = weight[0];
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& weight = *in.value(kWeight);
  const Tensor* bias = in.value(kBias);
  const std::vector<float> x = hoist(*in.value(kX));
  const int64_t columns = weight.shape()[0];
  const int64_t depth = weight.shape()[1];
  const int64_t rows = outputs[0].element_count() / std::max<int64_t>(columns, 1);
  for (int64_t column = 0; column < columns; ++column) {
    const std::vector<float> w = hoist(weight, column * depth, depth);
    const double shift = bias != nullptr ? bias->at(column) : 0;
    for (int64_t row = 0; row < rows; ++row)
      outputs[0].set(row * columns + column, shift + dot(x.data() + row * depth, w.data(), depth));
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_linear{
    .name = "linear",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "x times the transposed weight, plus bias; sums in fp64, rounded once to x's dtype."};

}  // namespace anemone::mil
