#pragma once

#include "compress/compensation.h"
#include "compress/palette_tables.h"

namespace anemone::compress {

/// Palettes that lose little of the outputs: PaletteTables whose entries are fp16 numbers, and the
/// sums over rows of e H eT and w H wT.
struct FittedPalette {
  PaletteTables tables;
  double output_error = 0;
  double output_sum = 0;
};

/// Tables begin as the weighted means of what the weights are, each weighted by what changing it
/// costs (exact k-means; the diagonal as weight: SqueezeLLM, arXiv:2306.07629). Codes are rounded
/// with compensation, entries are fitted to the codes by least squares under H (GPTVQ,
/// arXiv:2402.15319), and so on in turn; what lost the least is kept.
FittedPalette fitted_palette(const Matrix& matrix, int64_t table_rows, int bits,
                             const Compensation& inputs, int threads);

}  // namespace anemone::compress
