#pragma once

#include <cstdint>

#include "kernels/elementwise/elementwise.h"

/// Functions over whole rows. Sums are 16 strided partial sums (element k goes to k mod 16, in
/// ascending order), folded as s[j] += s[j + 8], 4, 2, 1: the same for every instruction set.
namespace anemone::kernels {

enum class Reduction : uint8_t { sum, sum_square, maximum, minimum };
inline constexpr int kReductionCount = 4;

struct RowwiseKernels {
  /// y = exp(x - max x) / sum. y may be x. `scratch` holds `count` floats.
  using SoftmaxFunction = void (*)(const void* x, void* y, int64_t count, float* scratch) noexcept;
  /// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta; gamma and beta may be null.
  using LayerNormFunction = void (*)(const void* x, const float* gamma, const float* beta,
                                     float epsilon, void* y, int64_t count) noexcept;
  using ReduceFunction = float (*)(const void* x, int64_t count) noexcept;
  SoftmaxFunction softmax[2];
  LayerNormFunction layer_norm[2];
  ReduceFunction reduce[kReductionCount][2];
};

}  // namespace anemone::kernels
