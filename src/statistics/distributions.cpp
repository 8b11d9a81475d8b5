#include "statistics/distributions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/check.h"

namespace anemone::statistics {
namespace {

/// Keeps the continued fraction's parts from being zero.
constexpr double kTiny = 1e-300;
constexpr int kMostTerms = 100000;

double away_from_zero(double value) { return std::abs(value) < kTiny ? kTiny : value; }

double beta_fraction(double a, double b, double x) {
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double value = d;
  for (int m = 1; m <= kMostTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    value *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    value *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return value;
}

double log_beta(double a, double b) { return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b); }

/// The x in [low, high] where the rising function reaches `target`, to the last bit or so.
template <typename Function>
double invert(Function rising, double target, double low, double high) {
  while (true) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return middle;
    (rising(middle) < target ? low : high) = middle;
  }
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  ANEMONE_CHECK(a > 0 && b > 0, "callers pass counts or degrees of freedom");
  if (!(x > 0)) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(a * std::log(x) + b * std::log1p(-x) - log_beta(a, b));
  // The fraction converges fast on the side of the mean that holds x.
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_t_two_sided(double t, double degrees) {
  ANEMONE_CHECK(!std::isnan(t), "callers pass a quotient of finite numbers");
  if (std::isinf(t)) return 0;
  return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

double student_t_quantile(double share, double degrees) {
  ANEMONE_CHECK(share > 0 && share < 1, "a level of confidence is checked before");
  if (share == 0.5) return 0;
  const double tail = std::min(share, 1 - share);
  // By t² = ν (1 / x - 1), which keeps the digits of far quantiles.
  const double x =
      invert([&](double at) { return incomplete_beta(degrees / 2, 0.5, at); }, 2 * tail, 0, 1);
  const double t = std::sqrt(degrees * (1 - x) / x);
  return share < 0.5 ? -t : t;
}

double normal_two_sided(double z) { return std::erfc(std::abs(z) / std::numbers::sqrt2); }

double normal_quantile(double share) {
  ANEMONE_CHECK(share > 0 && share < 1, "a level of confidence is checked before");
  const double tail = std::min(share, 1 - share);
  const double z = invert([&](double at) { return -normal_two_sided(at); }, -2 * tail, 0, 40);
  if (share == 0.5) return 0;
  return share < 0.5 ? -z : z;
}

double fair_toss_two_sided(int64_t successes, int64_t trials) {
  ANEMONE_CHECK(successes >= 0 && successes <= trials, "successes are some of the trials");
  const int64_t fewer = std::min(successes, trials - successes);
  if (2 * fewer >= trials - 1) return 1;
  // P(X <= k) = I_1/2(n - k, k + 1).
  return std::min(1.0, 2 * incomplete_beta(static_cast<double>(trials - fewer),
                                           static_cast<double>(fewer + 1), 0.5));
}

}  // namespace anemone::statistics
