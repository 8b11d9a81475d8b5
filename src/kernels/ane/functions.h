#pragma once

#include <cstdint>
#include <span>

#include "kernels/ane/number.h"

namespace anemone::kernels::ane {

/// Functions that the Neural Engine makes from tables of points with lines between them, as read
/// from compiled programs [751K, F3b]; the points are samples, rounded to fp16. Largest errors as
/// measured there; this model has the same, but exp 5.7 units and inverse 1.2:
enum class Function : uint8_t {
  sigmoid,  ///< on [-8, 8], step 0.5; 3.4e-3.
  tanh,     ///< on [0, 4], step 1/8, odd; 1.6e-3.
  erf,      ///< on [0, 2], step 1/16, odd; 8.6e-4. Beyond it exact, a guess that keeps this error.
  sin,      ///< on [0, pi/2], step pi/64, by symmetry; 6.3e-4.
  cos,      ///< by the table of sin, a quarter of a turn on: a guess.
  gelu,     ///< EXACT and TANH_APPROXIMATION, on [-4, 4], step 0.25; 6.2e-3. The points there are
            ///< fitted.
  silu,     ///< on [-8, 8], step 0.5; 1.5e-2. The points there are fitted.
  exp,      ///< 2^f on [0, 1], step 1/32, of x log2(e) in fp16; 9.1 units of fp16.
  log,      ///< log2 on [0.5, 1], step 1/64.
  sqrt,     ///< on [0.5, 2], step 1/16; 1.2 units.
  rsqrt,    ///< on [0.5, 2], step 1/16; 2.1 units.
  inverse,  ///< on [0.5, 1], step 1/64; 13.5 units.
};

/// The results for all 65536 operands. Made at the first call; any thread.
std::span<const uint16_t> results_of(Function function);

inline uint16_t apply(Function function, uint16_t x) { return results_of(function)[x]; }

/// exp(x - max) over its sum, for rows of fp16. How the Neural Engine composes it is not
/// published: here of its functions exp and inverse, with every step rounded to fp16 but the sum,
/// which is rounded when it is finished. `y` may be `x`.
void softmax(std::span<const uint16_t> x, std::span<uint16_t> y);

}  // namespace anemone::kernels::ane
