#include "kernels/ane/functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace anemone::kernels::ane {
namespace {

constexpr double kInfinite = 1e300;  ///< what every rounding to fp16 makes infinite.

/// Samples of a function with lines between them.
class Samples {
 public:
  template <typename F>
  Samples(double begin, double end, double step, const F& exact) : begin_(begin), step_(step) {
    const auto points = static_cast<size_t>((end - begin) / step) + 1;
    for (size_t i = 0; i < points; ++i)
      values_.push_back(static_cast<double>(
          decode(round_half_away(exact(begin + step * static_cast<double>(i))))));
  }

  /// `x` must lie in the table.
  double at(double x) const {
    const double place = (x - begin_) / step_;
    const size_t before = std::min(static_cast<size_t>(place), values_.size() - 2);
    const double share = place - static_cast<double>(before);
    return values_[before] + share * (values_[before + 1] - values_[before]);
  }

 private:
  double begin_;
  double step_;
  std::vector<double> values_;
};

double exact_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double exact_gelu(double x) { return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2; }
double exact_silu(double x) { return x * exact_sigmoid(x); }
double exact_tanh(double x) { return std::tanh(x); }
double exact_erf(double x) { return std::erf(x); }

double sigmoid(double x) {
  static const Samples samples(-8, 8, 0.5, exact_sigmoid);
  return x >= 8 ? 1 : x <= -8 ? 0 : samples.at(x);
}

double gelu(double x) {
  static const Samples samples(-4, 4, 0.25, exact_gelu);
  return x >= 4 ? x : x <= -4 ? 0 : samples.at(x);
}

double silu(double x) {
  static const Samples samples(-8, 8, 0.5, exact_silu);
  return x >= 8 ? x : x <= -8 ? 0 : samples.at(x);
}

double tanh(double x) {
  static const Samples samples(0, 4, 0.125, exact_tanh);
  return std::copysign(std::fabs(x) >= 4 ? 1 : samples.at(std::fabs(x)), x);
}

double erf(double x) {
  static const Samples samples(0, 2, 0.0625, exact_erf);
  return std::copysign(std::fabs(x) >= 2 ? std::erf(std::fabs(x)) : samples.at(std::fabs(x)), x);
}

/// The sine of `x` and some quarters of a turn, for x >= 0, by a table of one quarter.
double sine(double x, double quarters) {
  static const Samples samples(0, 1, 0.03125,
                               [](double part) { return std::sin(part * std::numbers::pi / 2); });
  const double place = x / (std::numbers::pi / 2) + quarters;
  const double whole = std::floor(place);
  const double part = place - whole;
  const auto quarter = static_cast<int64_t>(whole) % 4;
  const double value = samples.at(quarter % 2 == 0 ? part : 1 - part);
  return quarter < 2 ? value : -value;
}

double sin(double x) { return std::signbit(x) ? -sine(-x, 0) : sine(x, 0); }

double cos(double x) { return sine(std::fabs(x), 1); }

double exp(double x) {
  static const Samples samples(0, 1, 0.03125, [](double f) { return std::exp2(f); });
  const auto power = static_cast<double>(decode(round_half_away(x * std::numbers::log2e)));
  const double whole = std::floor(power);
  return std::ldexp(samples.at(power - whole), static_cast<int>(whole));
}

/// x as mantissa in [0.5, 1) times a power of two.
struct Scaled {
  explicit Scaled(double x) { mantissa = std::frexp(x, &exponent); }
  double mantissa = 0;
  int exponent = 0;
};

double log(double x) {
  static const Samples samples(0.5, 1, 0.015625, [](double m) { return std::log2(m); });
  if (x <= 0) return -kInfinite;
  const Scaled scaled(x);
  return (samples.at(scaled.mantissa) + scaled.exponent) * std::numbers::ln2;
}

double inverse(double x) {
  static const Samples samples(0.5, 1, 0.015625, [](double m) { return 1 / m; });
  if (x == 0) return std::signbit(x) ? -kInfinite : kInfinite;
  const Scaled scaled(std::fabs(x));
  return std::copysign(std::ldexp(samples.at(scaled.mantissa), -scaled.exponent), x);
}

/// f(x) by a table over [0.5, 2), where f(4 x) is 2^step f(x).
double by_even_exponent(double x, const Samples& samples, int step) {
  Scaled scaled(x);
  if (scaled.exponent % 2 != 0) {
    scaled.mantissa *= 2;
    scaled.exponent -= 1;
  }
  return std::ldexp(samples.at(scaled.mantissa), scaled.exponent / 2 * step);
}

double sqrt(double x) {
  static const Samples samples(0.5, 2, 0.0625, [](double m) { return std::sqrt(m); });
  return x <= 0 ? 0 : by_even_exponent(x, samples, 1);
}

double rsqrt(double x) {
  static const Samples samples(0.5, 2, 0.0625, [](double m) { return 1 / std::sqrt(m); });
  return x <= 0 ? kInfinite : by_even_exponent(x, samples, -1);
}

constexpr std::array<double (*)(double), 12> kFunctions = {
    sigmoid, tanh, erf, sin, cos, gelu, silu, exp, log, sqrt, rsqrt, inverse};

using Results = std::vector<uint16_t>;

std::array<Results, kFunctions.size()> compute_all() {
  std::array<Results, kFunctions.size()> all;
  for (size_t f = 0; f < all.size(); ++f)
    for (uint32_t bits = 0; bits <= 0xffff; ++bits)
      all[f].push_back(
          round_half_away(kFunctions[f](static_cast<double>(decode(static_cast<uint16_t>(bits))))));
  return all;
}

}  // namespace

std::span<const uint16_t> results_of(Function function) {
  static const std::array<Results, kFunctions.size()> all = compute_all();
  return all[static_cast<size_t>(function)];
}

void softmax(std::span<const uint16_t> x, std::span<uint16_t> y) {
  if (x.empty()) return;
  const auto exps = results_of(Function::exp);
  float largest = decode(x[0]);
  for (const uint16_t value : x) largest = std::max(largest, decode(value));
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double below = static_cast<double>(decode(x[i])) - static_cast<double>(largest);
    y[i] = exps[round_half_away(below)];
    sum += static_cast<double>(decode(y[i]));
  }
  const uint16_t whole = round_half_away(sum);
  const auto share = static_cast<double>(decode(apply(Function::inverse, whole)));
  for (uint16_t& value : y) value = round_half_away(static_cast<double>(decode(value)) * share);
}

}  // namespace anemone::kernels::ane
