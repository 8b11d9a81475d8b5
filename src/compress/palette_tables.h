#pragma once

#include "compress/matrix.h"

namespace anemone::compress {

/// The best palettes of a matrix: one for each `table_rows` rows.
struct PaletteTables {
  std::vector<uint8_t> codes;  ///< for each element.
  std::vector<float> entries;  ///< 2^bits for each table; those that no code names are 0.
  double squared_error = 0;
  double squared_sum = 0;
};
PaletteTables palette_tables(const Matrix& matrix, int64_t table_rows, int bits, int threads);

}  // namespace anemone::compress
