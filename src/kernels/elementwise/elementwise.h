#pragma once

#include <cstdint>

/// Functions of one or two numbers over runs of elements, computed in fp32 and rounded once to the
/// storage type. The bits of a result depend on its operands alone.
namespace anemone::kernels {

enum class Unary : uint8_t {
  abs,
  exp,
  gelu_exact,    ///< x * (1 + erf(x / sqrt 2)) / 2
  gelu_sigmoid,  ///< x * sigmoid(1.702 x)
  gelu_tanh,     ///< x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2
  relu,
  rsqrt,  ///< 1 / sqrt(x + parameter)
  sigmoid,
  silu,
  sqrt,
  square,
  tanh,
};
inline constexpr int kUnaryCount = 12;

enum class Binary : uint8_t { add, sub, mul, div, maximum, minimum };
inline constexpr int kBinaryCount = 6;

/// The dtype of a run's elements: index into the tables below.
enum class Storage : uint8_t { fp16, fp32 };

struct ElementwiseKernels {
  /// y[i] = f(x[i]). x and y may be the same.
  using UnaryFunction = void (*)(const void* x, void* y, int64_t count, float parameter) noexcept;
  /// y[i] = f(a[i * a_step], b[i * b_step]); steps are 0 or 1.
  using BinaryFunction = void (*)(const void* a, int64_t a_step, const void* b, int64_t b_step,
                                  void* y, int64_t count) noexcept;
  UnaryFunction unary[kUnaryCount][2];
  BinaryFunction binary[kBinaryCount][2];
  void (*to_fp32)(const uint16_t* x, float* y, int64_t count) noexcept;
  void (*to_fp16)(const float* x, uint16_t* y, int64_t count) noexcept;
};

}  // namespace anemone::kernels
