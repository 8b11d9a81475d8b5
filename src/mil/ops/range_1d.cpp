#include <cmath>

#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kEnd, kStart, kStep };
constexpr DTypeSet kTypes = kFloat | kInt32;
constexpr Parameter kParameters[] = {{"end", kTypes}, {"start", kTypes}, {"step", kTypes}};

Inferred infer(const Operands& in, size_t) {
  const DType dtype = in.dtype(kStart);
  for (const size_t p : {kEnd, kStart, kStep}) {
    if (in.dtype(p) != dtype)
      return violates("c1", "{} is {} and start is {}, expected one dtype", kParameters[p].name,
                      to_string(in.dtype(p)), to_string(dtype));
    const Tensor* value = in.value(p);
    if (value != nullptr && value->element_count() != 1)
      return violates("c2", "{} has shape {}, expected one element", kParameters[p].name,
                      value->shape().to_string());
  }
  if (in.value(kStep) != nullptr && in.value(kStep)->at(0) == 0) return violates("c3", "step is 0");
  if (!in.value(kEnd) || !in.value(kStart) || !in.value(kStep))
    return infers(dtype, Shape{kUnknownDim});
  const double start = in.value(kStart)->at(0);
  const double end = in.value(kEnd)->at(0);
  const double step = in.value(kStep)->at(0);
  const double count = std::ceil((end - start) / step);
  constexpr double kMostElements = 9e15;  // integers are exact below; far above any memory
  if (!(count < kMostElements))
    return violates("c4", "from {} to {} by {} has no finite length", start, end, step);
  return infers(dtype, Shape{count > 0 ? static_cast<int64_t>(count) : 0});
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const double start = in.value(kStart)->at(0);
  const double step = in.value(kStep)->at(0);
  for (int64_t i = 0; i < outputs[0].element_count(); ++i)
    outputs[0].set(i, start + static_cast<double>(i) * step);
  return {};
}

}  // namespace

extern constinit const OpDef k_range_1d{
    .name = "range_1d",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "start, start + step, … as far as end, which is left out."};

}  // namespace anemone::mil
