#include "eval/python_random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_set>

#include "base/check.h"

namespace anemone::eval::python {

Random::Random(uint64_t seed) {
  std::vector<uint32_t> key;
  for (uint64_t rest = seed; rest != 0; rest >>= 32) key.push_back(static_cast<uint32_t>(rest));
  if (key.empty()) key.push_back(0);

  state_[0] = 19650218u;
  for (uint32_t i = 1; i < kSize; ++i)
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  size_t i = 1;
  size_t j = 0;
  for (size_t k = std::max(kSize, key.size()); k != 0; --k) {
    state_[i] = (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * 1664525u)) + key[j] +
                static_cast<uint32_t>(j);
    if (++i >= kSize) {
      state_[0] = state_[kSize - 1];
      i = 1;
    }
    if (++j >= key.size()) j = 0;
  }
  for (size_t k = kSize - 1; k != 0; --k) {
    state_[i] = (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * 1566083941u)) -
                static_cast<uint32_t>(i);
    if (++i >= kSize) {
      state_[0] = state_[kSize - 1];
      i = 1;
    }
  }
  state_[0] = 0x80000000u;
}

void Random::twist() {
  constexpr size_t kShift = 397;
  constexpr uint32_t kUpper = 0x80000000u;
  for (size_t i = 0; i < kSize; ++i) {
    const uint32_t y = (state_[i] & kUpper) | (state_[(i + 1) % kSize] & ~kUpper);
    state_[i] = state_[(i + kShift) % kSize] ^ (y >> 1) ^ ((y & 1u) != 0 ? 0x9908b0dfu : 0u);
  }
  position_ = 0;
}

uint32_t Random::next32() {
  if (position_ == kSize) twist();
  uint32_t y = state_[position_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

double Random::random() {
  const uint32_t a = next32() >> 5;
  const uint32_t b = next32() >> 6;
  return (a * 67108864.0 + b) / 9007199254740992.0;
}

uint64_t Random::bits(int count) {
  if (count <= 32) return next32() >> (32 - count);
  const uint64_t low = next32();
  return low | (static_cast<uint64_t>(next32() >> (64 - count)) << 32);
}

uint64_t Random::below(uint64_t n) {
  ANEMONE_CHECK(n > 0, "a draw needs something to draw from");
  const auto count = static_cast<int>(std::bit_width(n));
  uint64_t r = bits(count);
  while (r >= n) r = bits(count);
  return r;
}

std::vector<size_t> Random::sample(size_t n, size_t k) {
  ANEMONE_CHECK(k <= n, "a sample cannot be larger than its population");
  std::vector<size_t> result(k);
  // CPython keeps a pool while it is smaller than a set of the picks would be.
  size_t set_size = 21;
  if (k > 5)
    set_size += static_cast<size_t>(
        std::pow(4.0, std::ceil(std::log(static_cast<double>(k * 3)) / std::log(4.0))));
  if (n <= set_size) {
    std::vector<size_t> pool(n);
    for (size_t i = 0; i < n; ++i) pool[i] = i;
    for (size_t i = 0; i < k; ++i) {
      const size_t j = below(n - i);
      result[i] = pool[j];
      pool[j] = pool[n - i - 1];
    }
    return result;
  }
  std::unordered_set<size_t> selected;
  for (size_t i = 0; i < k; ++i) {
    size_t j = below(n);
    while (!selected.insert(j).second) j = below(n);
    result[i] = j;
  }
  return result;
}

void Random::choices(size_t n, size_t k, std::vector<size_t>& indices) {
  indices.resize(k);
  for (size_t& index : indices)
    index = static_cast<size_t>(std::floor(random() * static_cast<double>(n)));
}

}  // namespace anemone::eval::python
