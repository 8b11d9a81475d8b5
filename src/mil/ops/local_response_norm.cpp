#include <algorithm>
#include <cmath>

#include "mil/ops/inference.h"
#include "mil/ops/mixed_dtype.h"
#include "mil/ops/rounding.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kSize, kAlpha, kBeta, kK };
constexpr Parameter kParameters[] = {{"x", kFloat},
                                     {"size", kInt32, Presence::required, BindingRule::constant},
                                     {"alpha", kFloat, Presence::optional, BindingRule::constant},
                                     {"beta", kFloat, Presence::optional, BindingRule::constant},
                                     {"k", kFloat, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() < 3 || x.rank() > 5)
    return violates("c1", "x has rank {}, expected 3 to 5", x.rank());
  const int64_t size = in.integer(kSize, 1);
  if (size < 1) return violates("c2", "size is {}, expected 1 or more", size);
  for (size_t p = kAlpha; p <= kK; ++p)
    if (const auto wrong = mixed_dtype(in, p, kParameters[p].name, "c3")) return *wrong;
  return infers(in.dtype(kX), x);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const int64_t size = in.integer(kSize, 1);
  const double alpha = in.number(kAlpha, round_to(in.dtype(kX), 1e-4));
  const double beta = in.number(kBeta, 0.75);
  const double k = in.number(kK, 1);
  // The values that coremltools documents for an x of rank 3 hold no neighbouring channels: there
  // the window runs along axis 0.
  const size_t axis = x.shape().rank() == 3 ? 0 : 1;
  const int64_t length = x.shape()[axis];
  const int64_t stride = x.shape().stride(axis);
  for (int64_t i = 0; i < x.element_count(); ++i) {
    const int64_t channel = i / stride % length;
    const int64_t first = std::max<int64_t>(channel - size / 2, 0);
    const int64_t last = std::min(channel + (size - 1) / 2, length - 1);
    double squares = 0;
    for (int64_t j = first; j <= last; ++j) {
      const double value = x.at(i + (j - channel) * stride);
      squares += value * value;
    }
    const double scale = std::pow(k + alpha * squares / static_cast<double>(size), beta);
    outputs[0].set(i, x.at(i) / scale);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_local_response_norm{
    .name = "local_response_norm",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "x / (k + alpha / size * sum of squares)^beta over size neighbouring channels; "
        "alpha is 1e-4, beta 0.75 and k 1 by default."};

}  // namespace anemone::mil
