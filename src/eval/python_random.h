#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace anemone::eval::python {

/// random.Random(seed) of CPython: the Mersenne Twister MT19937 and the draws that are built on it,
/// bit for bit. Source: Matsumoto and Nishimura 1998 (init_by_array of 2002); CPython's `random`
/// for `sample`, `choices`, `randbelow`.
class Random {
 public:
  explicit Random(uint64_t seed);

  uint32_t next32();
  /// random.random(): 53 bits from two draws, in [0, 1).
  double random();
  /// A number below n > 0 by rejection, as random.randrange(n).
  uint64_t below(uint64_t n);
  /// Indices that random.sample(range(n), k) gives. CHECKs k <= n.
  std::vector<size_t> sample(size_t n, size_t k);
  /// Indices that random.choices(range(n), k=k) gives.
  void choices(size_t n, size_t k, std::vector<size_t>& indices);

 private:
  static constexpr size_t kSize = 624;
  void twist();
  uint64_t bits(int count);

  std::array<uint32_t, kSize> state_;
  size_t position_ = kSize;
};

}  // namespace anemone::eval::python
