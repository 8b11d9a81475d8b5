#pragma once

#include "compress/scheme.h"

/// What the schemes with palettes share.
namespace anemone::compress {

/// How a palette is spelt: "lut4", then in any order "tensor" or "g16", "v2", "int8", "scale".
struct PaletteWords {
  int bits = 0;
  int64_t group = 16;  ///< output channels of a table; 0: all of them.
  int64_t vector = 1;  ///< output channels of an entry.
  bool int8 = false;   ///< entries are stored so.
  bool scale = false;  ///< each output channel has one.

  std::string text() const;
};
/// Nothing when the term is no palette at all. Errors: invalid_argument.
Result<std::optional<PaletteWords>> parse_palette(const std::vector<std::string>& words);

/// uint4 for 4.
DType index_dtype(int bits);

/// Output channels of a table of this weight.
int64_t rows_of_table(const Weight& weight, int64_t group, int64_t vector = 1);

/// [tables along the output axis, 2^bits, vector].
Shape table_shape(const Weight& weight, int64_t tables, int bits, int64_t vector = 1);

/// Errors: unsupported, before iOS18, where palettes are of one table of numbers, and before iOS16,
/// where there are none.
Status check_palette_target(const Weight& weight, const PaletteWords& words);

}  // namespace anemone::compress
