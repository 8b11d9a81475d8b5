#include <algorithm>
#include <cmath>
#include <limits>

#include "mil/ops/inference.h"
#include "mil/ops/random_stream.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kMode, kSize, kSeed };
constexpr Parameter kParameters[] = {{"x", kFloat},
                                     {"mode", kString, Presence::optional, BindingRule::constant},
                                     {"size", kInt32, Presence::optional, BindingRule::constant},
                                     {"seed", kInt32, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  Shape shape = in.shape(kX);
  if (shape.rank() == 0 || shape[shape.rank() - 1] == 0)
    return violates("c1", "x has shape {}, expected a last axis of probabilities",
                    shape.to_string());
  const std::string_view mode = in.text(kMode, "logits");
  if (mode != "logits" && mode != "probs")
    return violates("c2", "mode is '{}', expected logits or probs", mode);
  const int64_t size = in.integer(kSize, 1);
  if (size < 1) return violates("c3", "size is {}, expected 1 or more", size);
  shape[shape.rank() - 1] = size;
  return infers(in.dtype(kX), shape);
}

/// Sums of the weights up to each category.
std::vector<double> cumulative_weights(const Tensor& x, int64_t first, int64_t count, bool logits) {
  double most = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < count; ++i) most = std::max(most, x.at(first + i));
  std::vector<double> sums;
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    sum += logits ? std::exp(x.at(first + i) - most) : x.at(first + i);
    sums.push_back(sum);
  }
  return sums;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const int64_t categories = x.shape()[x.shape().rank() - 1];
  const int64_t size = in.integer(kSize, 1);
  const bool logits = in.text(kMode, "logits") == "logits";
  RandomStream random(in.integer(kSeed, -1));
  for (int64_t row = 0; row < x.element_count() / categories; ++row) {
    const auto sums = cumulative_weights(x, row * categories, categories, logits);
    for (int64_t i = 0; i < size; ++i) {
      const auto found = std::ranges::upper_bound(sums, random.uniform() * sums.back());
      outputs[0].set(row * size + i,
                     static_cast<double>(std::min(found - sums.begin(), categories - 1)));
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_random_categorical{
    .name = "random_categorical",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "`size` categories drawn with replacement from each row of logits or probabilities; the "
        "same "
        "for the same seed."};

}  // namespace anemone::mil
