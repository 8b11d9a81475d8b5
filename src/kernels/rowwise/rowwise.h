#pragma once

#include <cstdint>

#include "kernels/elementwise/elementwise.h"

/// Functions over whole rows. Sums are 16 strided partial sums (element k goes to k mod 16, in
/// ascending order), folded as s[j] += s[j + 8], 4, 2, 1: the same for every instruction set.
namespace anemone::kernels {

enum class Reduction : uint8_t { sum, sum_square, maximum, minimum };
inline constexpr int kReductionCount = 4;

/// A row of attention: what a query makes of `count` keys, of which those from `used` on are zeros.
struct AttentionRow {
  /// In: products with the first `used` keys, in whole groups of 16. Out: the weights of these keys
  /// as the stored type rounds them; 0 from `used` up to `end`, a multiple of 16.
  float* row = nullptr;
  const void* mask = nullptr;  ///< `count` numbers of the stored type.
  float rest_mask = 0;         ///< the largest from the next multiple of 16 behind `used` on.
  float unused = 0;            ///< the product with a key of zeros.
  float scale = 1;
  bool scales = false;  ///< products are scaled before the mask is added.
  int64_t used = 0;     ///< at least 1.
  int64_t count = 0;
  int64_t end = 0;
};

struct RowwiseKernels {
  /// y = exp(x - max x) / sum. y may be x. `scratch` holds `count` floats.
  using SoftmaxFunction = void (*)(const void* x, void* y, int64_t count, float* scratch) noexcept;
  /// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta; gamma and beta may be null.
  using LayerNormFunction = void (*)(const void* x, const float* gamma, const float* beta,
                                     float epsilon, void* y, int64_t count) noexcept;
  /// weights = softmax(product * scale + mask), with every step rounded to the stored type: the
  /// bits of `mul`, `add` and `softmax` one after the other. Keys behind `used` cost nothing
  /// where their exponentials are 0.
  using AttentionFunction = void (*)(const AttentionRow& row) noexcept;
  using ReduceFunction = float (*)(const void* x, int64_t count) noexcept;
  /// The sum of e to the x[k] - highest, all of them 0 or less, in double with an error of some
  /// units in the last place; what is below -700 counts as that.
  using PowersFunction = double (*)(const float* x, int64_t count, double highest) noexcept;
  SoftmaxFunction softmax[2];
  LayerNormFunction layer_norm[2];
  AttentionFunction attention[2];
  ReduceFunction reduce[kReductionCount][2];
  PowersFunction sum_powers;
};

}  // namespace anemone::kernels
