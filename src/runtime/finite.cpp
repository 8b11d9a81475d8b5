#include "runtime/finite.h"

#include <array>
#include <cstring>

namespace anemone::runtime {
namespace {

/// The exponent of infinities and NaN is all ones: one more carries into the sign's place.
template <typename Bits>
bool none_carries(const void* values, int64_t count, Bits exponent, Bits one_more) {
  const auto* bytes = static_cast<const std::byte*>(values);
  const auto carry = [&](int64_t i) {
    Bits bits;
    std::memcpy(&bits, bytes + static_cast<size_t>(i) * sizeof bits, sizeof bits);
    return static_cast<Bits>((bits & exponent) + one_more);
  };
  // As many sums as compilers make vectors of.
  constexpr int64_t kSums = sizeof(Bits) == 2 ? 32 : 16;
  std::array<Bits, static_cast<size_t>(kSums)> sums{};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int64_t j = 0; j < kSums; ++j) {
      Bits& sum = sums[static_cast<size_t>(j)];
      sum = static_cast<Bits>(sum | carry(i + j));
    }
  Bits carried = 0;
  for (; i < count; ++i) carried = static_cast<Bits>(carried | carry(i));
  for (const Bits sum : sums) carried = static_cast<Bits>(carried | sum);
  return carried >> (8 * sizeof(Bits) - 1) == 0;
}

}  // namespace

bool all_finite(const float* values, int64_t count) {
  return none_carries<uint32_t>(values, count, 0x7f800000u, 0x00800000u);
}

bool all_finite(const uint16_t* values, int64_t count) {
  return none_carries<uint16_t>(values, count, 0x7c00, 0x0400);
}

}  // namespace anemone::runtime
