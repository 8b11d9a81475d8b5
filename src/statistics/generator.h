#pragma once

#include <cstddef>
#include <cstdint>

namespace anemone::statistics {

/// SplitMix64 (Steele, Lea, Flood 2014): the same draws for a seed everywhere.
class Generator {
 public:
  explicit Generator(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
  }

  /// A number below `count`, which is below 2^32: the high half of a product, whose bias is below
  /// count / 2^32.
  size_t below(size_t count) {
    return static_cast<size_t>(((next() >> 32) * static_cast<uint64_t>(count)) >> 32);
  }

 private:
  uint64_t state_;
};

}  // namespace anemone::statistics
