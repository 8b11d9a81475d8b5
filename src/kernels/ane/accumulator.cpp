#include "kernels/ane/accumulator.h"

#include <algorithm>
#include <cmath>

namespace anemone::kernels::ane {
namespace {

constexpr auto kLimitUnits = static_cast<int64_t>(kAccumulatorLimit * kUnitsInOne);
constexpr uint16_t kInfinity = 0x7c00;
constexpr uint16_t kMinusInfinity = 0xfc00;
constexpr uint16_t kMinusZero = 0x8000;

int exponent_of(double value) {
  constexpr int kSubnormalExponent = -14;
  return std::max(std::ilogb(value), kSubnormalExponent);
}

}  // namespace

Accumulator::Accumulator(uint16_t bias) { add(static_cast<double>(decode(bias))); }

void Accumulator::add(double value) {
  if (overflowed_) return;
  units_ += std::llround(value * kUnitsInOne);  // halves away from zero
  overflowed_ = std::abs(units_) >= kLimitUnits;
}

void Accumulator::add_product(uint16_t a, uint16_t b) {
  const auto x = static_cast<double>(decode(a));
  const auto y = static_cast<double>(decode(b));
  if (x == 0 || y == 0 || exponent_of(x) + exponent_of(y) < kLeastExponentSum) return;
  add(x * y);
}

uint16_t Accumulator::result() const {
  if (overflowed_) return units_ < 0 ? kMinusInfinity : kInfinity;
  return finished_sum(units_);
}

uint16_t limited_sum(double sum) {
  if (std::fabs(sum) >= kAccumulatorLimit) return sum < 0 ? kMinusInfinity : kInfinity;
  const uint16_t result = round_half_away(sum);
  return result == kMinusZero ? uint16_t{0} : result;
}

}  // namespace anemone::kernels::ane
