#include "ane/arithmetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "base/float16.h"

namespace anemone::ane {
namespace {

constexpr double kUnits = 65536;  // 2^16 in one
constexpr auto kLimitUnits = static_cast<int64_t>(kAccumulatorLimit * kUnits);
constexpr uint16_t kInfinity = 0x7c00;
constexpr double kInfiniteFrom = 65520;  ///< what fp16 rounds to infinity, by halves.
constexpr uint16_t kSign = 0x8000;
constexpr size_t kPoints = 33;

double number(uint16_t bits) { return static_cast<double>(fp16_to_float(read_operand(bits))); }

double exact(Activation activation, double x) {
  const double sigmoid = 1 / (1 + std::exp(-x));
  switch (activation) {
    case Activation::sigmoid:
      return sigmoid;
    case Activation::gelu:
      return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2;
    case Activation::silu:
      return x * sigmoid;
  }
  return x;
}

struct Table {
  double end = 0;  ///< it covers [-end, end].
  std::array<double, kPoints> values{};
};

Table make_table(Activation activation, double end) {
  Table table{end, {}};
  const double step = 2 * end / (kPoints - 1);
  for (size_t i = 0; i < kPoints; ++i) {
    const double x = -end + step * static_cast<double>(i);
    table.values[i] = static_cast<double>(fp16_to_float(round_half_away(exact(activation, x))));
  }
  return table;
}

const Table& table_of(Activation activation) {
  static const std::array<Table, 3> tables = {make_table(Activation::sigmoid, 8),
                                              make_table(Activation::gelu, 4),
                                              make_table(Activation::silu, 8)};
  return tables[static_cast<size_t>(activation)];
}

}  // namespace

uint16_t read_operand(uint16_t value) {
  const bool is_nan = (value & ~kSign) > kInfinity;
  return is_nan ? static_cast<uint16_t>((value & kSign) | kInfinity) : value;
}

uint16_t round_half_away(double value) {
  const double magnitude = std::fabs(value);
  const auto signed_bits = [&](uint16_t bits) {
    return std::signbit(value) ? static_cast<uint16_t>(bits | kSign) : bits;
  };
  if (!(magnitude < kInfiniteFrom)) return signed_bits(kInfinity);
  constexpr int kLeastExponent = -14;
  constexpr int kMantissaBits = 10;
  const int exponent = magnitude > 0 ? std::max(std::ilogb(magnitude), kLeastExponent) : 0;
  const double step = std::ldexp(1.0, exponent - kMantissaBits);
  const double rounded = std::round(magnitude / step) * step;
  return signed_bits(float_to_fp16(static_cast<float>(rounded)));
}

Accumulator::Accumulator(uint16_t bias) { add(number(bias)); }

void Accumulator::add(double value) {
  if (overflowed_) return;
  const double scaled = std::round(value * kUnits);  // halves away from zero
  if (std::fabs(scaled) < 2 * kAccumulatorLimit * kUnits)
    units_ += static_cast<int64_t>(scaled);
  else
    units_ = std::signbit(scaled) ? -kLimitUnits : kLimitUnits;
  overflowed_ = std::abs(units_) >= kLimitUnits;
  negative_ = units_ < 0;
  largest_ = std::max(largest_, std::min(std::abs(units_), kLimitUnits));
}

void Accumulator::add_product(uint16_t a, uint16_t b) {
  const double x = number(a);
  const double y = number(b);
  if (x == 0 || y == 0) return;
  const bool finite = std::isfinite(x) && std::isfinite(y);
  if (finite && std::ilogb(x) + std::ilogb(y) <= kDroppedExponentSum) return;
  add(x * y);
}

double Accumulator::largest() const { return static_cast<double>(largest_) / kUnits; }

uint16_t Accumulator::result() const {
  if (overflowed_) return negative_ ? static_cast<uint16_t>(kSign | kInfinity) : kInfinity;
  return round_half_away(static_cast<double>(units_) / kUnits);
}

uint16_t dot(std::span<const uint16_t> a, std::span<const uint16_t> b, uint16_t bias) {
  ANEMONE_CHECK(a.size() == b.size(), "vectors of one length");
  Accumulator sum(bias);
  for (size_t i = 0; i < a.size(); ++i) sum.add_product(a[i], b[i]);
  return sum.result();
}

uint16_t activate(Activation activation, uint16_t x) {
  const Table& table = table_of(activation);
  const double value = number(x);
  const bool saturates = activation == Activation::sigmoid;
  if (value >= table.end) return saturates ? round_half_away(1) : read_operand(x);
  if (value <= -table.end) return 0;
  const double place = (value + table.end) / (2 * table.end) * (kPoints - 1);
  const auto before = static_cast<size_t>(place);
  const double share = place - static_cast<double>(before);
  return round_half_away(table.values[before] +
                         share * (table.values[before + 1] - table.values[before]));
}

}  // namespace anemone::ane
