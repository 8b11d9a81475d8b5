#pragma once

#include "compress/matrix.h"

namespace anemone::compress {

/// The best palettes of a matrix: one for each `table_rows` rows, of the elements whose `mask` is
/// set; an empty mask is set everywhere.
struct PaletteTables {
  std::vector<uint8_t> codes;  ///< for each element.
  std::vector<float> entries;  ///< 2^bits for each table; those that no code names are 0.
  std::vector<size_t> used;    ///< entries of each table that codes may name.
  double squared_error = 0;
  double squared_sum = 0;
};
PaletteTables palette_tables(const Matrix& matrix, int64_t table_rows, int bits, int threads,
                             std::span<const uint8_t> mask = {});

/// The same tables with other entries, ascending but for those that no code names: codes are those
/// of the nearest entries.
PaletteTables recoded_tables(const Matrix& matrix, int64_t table_rows, PaletteTables tables,
                             int threads);

}  // namespace anemone::compress
