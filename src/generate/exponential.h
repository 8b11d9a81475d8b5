#pragma once

#include <algorithm>
#include <cmath>

namespace anemone::generate {

/// e to the power of x <= 0, within 1e-15 of it, from sums and products alone: unlike that of C
/// libraries it has the same bits on every machine. Range reduction by Cody and Waite, then the
/// Taylor series, whose 14th term is below 1e-17.
inline double exponential(double x) {
  if (!(x > -745)) return 0;  // below the least double
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  constexpr double kLn2High = 0x1.62e42fee00000p-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const double power = std::floor(x * kLog2E + 0.5);
  const double r = (x - power * kLn2High) - power * kLn2Low;
  double sum = 1;
  for (int n = 13; n >= 1; --n) sum = 1 + sum * r / n;
  return std::ldexp(sum, static_cast<int>(power));
}

}  // namespace anemone::generate
