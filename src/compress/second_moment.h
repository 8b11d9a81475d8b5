#pragma once

#include <cstdint>
#include <vector>

namespace anemone::compress {

/// What a text says of the inputs of a weight: H = sum of x xT over its tokens.
struct SecondMoment {
  int64_t size = 0;           ///< K, the input channels.
  int64_t tokens = 0;         ///< that were summed.
  std::vector<float> values;  ///< [K, K], row-major; only k <= row is meant.

  /// Adds the rows of `inputs`, [rows, K]; what a row adds does not depend on `threads`.
  void add(const float* inputs, int64_t rows, int threads);
};

}  // namespace anemone::compress
