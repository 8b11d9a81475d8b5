#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "compress/cluster_line.h"

namespace anemone::compress {

/// How often each fp16 number occurs; both zeros are one.
class Histogram {
 public:
  Histogram() : counts_(kNumbers, 0) {}
  void add(std::span<const uint16_t> values);
  /// Those whose mask is set.
  void add(std::span<const uint16_t> values, std::span<const uint8_t> mask);
  void add(const Histogram& other);
  void clear();
  /// What occurs, ascending.
  WeightedLine line() const;

 private:
  static constexpr size_t kNumbers = 1 << 16;
  std::vector<uint32_t> counts_;
};

/// One palette: at most 2^bits fp16 numbers, ascending, and the nearest of them for each number.
struct Table {
  std::vector<float> entries;
  std::vector<uint8_t> code_of;  ///< by the bits of the number; of those that occur.
  double squared_error = 0;
  double squared_sum = 0;
};

/// The palette of least squared error, its entries rounded to fp16.
Table best_table(const WeightedLine& line, int bits);

/// The nearest of `entries`, ascending, for each number; equal entries may stand side by side.
Table coded_table(const WeightedLine& line, std::vector<float> entries);

}  // namespace anemone::compress
