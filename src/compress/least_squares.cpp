#include "compress/least_squares.h"

#include <algorithm>
#include <cmath>

namespace anemone::compress {

std::vector<double> solve_near(const std::vector<double>& system, std::vector<double> start) {
  constexpr double kOpen = 1e-6;  ///< of the largest pivot: what fp32 sums leave of zero.
  const size_t n = start.size();
  std::vector<double> lower(n * n);
  std::vector<double> rest(n);
  double largest = 0;
  for (size_t i = 0; i < n; ++i) {
    rest[i] = system[i * (n + 1) + n];
    for (size_t j = 0; j < n; ++j) {
      const double factor = (system[i * (n + 1) + j] + system[j * (n + 1) + i]) / 2;
      lower[i * n + j] = factor;
      rest[i] -= factor * start[j];
    }
    largest = std::max(largest, lower[i * n + i]);
  }
  if (largest <= 0) return start;
  for (size_t i = 0; i < n; ++i) lower[i * n + i] += kOpen * largest;
  for (size_t j = 0; j < n; ++j) {
    double pivot = lower[j * n + j];
    for (size_t k = 0; k < j; ++k) pivot -= lower[j * n + k] * lower[j * n + k];
    pivot = std::sqrt(std::max(pivot, kOpen * largest));
    lower[j * n + j] = pivot;
    for (size_t i = j + 1; i < n; ++i) {
      double sum = lower[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= lower[i * n + k] * lower[j * n + k];
      lower[i * n + j] = sum / pivot;
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) rest[i] -= lower[i * n + k] * rest[k];
    rest[i] /= lower[i * n + i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) rest[i] -= lower[k * n + i] * rest[k];
    rest[i] /= lower[i * n + i];
    start[i] += rest[i];
  }
  return start;
}

}  // namespace anemone::compress
