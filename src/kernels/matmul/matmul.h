#pragma once

#include <cstdint>

/// Products of rows with a matrix that is kept in one of several forms.
///
/// Every element of a result is one canonical sum, whatever the instruction set, the number of rows
/// and the split over threads: fp32 fused multiply-adds over the depth in ascending order within
/// blocks of kDepthBlock, starting from 0; the blocks' sums are added in ascending order, starting
/// from 0. Lanes run over columns, so no lane ever meets another.
namespace anemone::kernels {

inline constexpr int64_t kDepthBlock = 256;
inline constexpr int64_t kPanelColumns = 16;

/// The right operand, by panels of 16 columns.
struct Matrix {
  enum class Form : uint8_t {
    panels,    ///< element (k, 16 p + j) at data[p * panel_stride + k * depth_stride + j].
    columns,   ///< element (k, c) at data[c * column_stride + k].
    palette,   ///< indices into tables; see below.
    integers,  ///< scale * (integer - offset).
  };
  Form form = Form::panels;
  bool is_fp16 = true;  ///< of `data` (panels, columns); else fp32.
  bool padded = false;  ///< panels: the last one has 16 columns in memory, whatever `columns` says.
  const void* data = nullptr;
  int64_t columns = 0;
  int64_t depth = 0;
  int64_t panel_stride = 0;
  int64_t depth_stride = 0;
  int64_t column_stride = 0;

  /// palette and integers: panel p has, for every k, 16 fields in 2 * bits bytes. Fields of 3 and 6
  /// bits are two planes, the lower 2 (4) bits first. A plane of b = 1, 2 or 4 bits has 2 b bytes:
  /// lane j in byte j % 2b, shifted by b * (j / 2b). 8 bits: one byte a lane.
  const uint8_t* fields = nullptr;
  int bits = 0;
  /// palette: all tables, one behind the other, and readable 64 floats beyond the last entry; by
  /// column (padded to panels) the first entry of its table.
  const float* tables = nullptr;
  const int32_t* table_start = nullptr;

  /// integers: the field f stands for f + field_bias (int4: -8 …, stored biased). Scales (and
  /// offsets, null when 0) of panel p and depth group g = k / group_depth at
  /// [(p * groups + g) * 16].
  int32_t field_bias = 0;
  const float* scales = nullptr;
  const float* offsets = nullptr;
  int64_t group_depth = 0;
  int64_t groups = 0;
  bool rounds_to_fp16 = false;  ///< the value is an fp16 one: scale * (…) is rounded to it.
};

/// out[r][c - 16 * first] = sum over k of x[r * x_row_stride + k * x_depth_stride] * matrix(k, c),
/// where `first` is the first panel asked for.
struct Product {
  const float* x = nullptr;
  int64_t x_row_stride = 0;
  int64_t x_depth_stride = 1;
  int64_t rows = 0;
  Matrix matrix;
  float* out = nullptr;  ///< rows of out_row_stride >= 16 * (panels asked for) floats.
  int64_t out_row_stride = 0;
};

/// Rounds sums to their place: y[r * row_stride + c * column_stride] = sums[r][c - first] +
/// bias[c], where `first` is the first column asked for.
struct Finish {
  const float* sums = nullptr;
  int64_t sums_row_stride = 0;
  const float* bias = nullptr;  ///< by column, or null.
  int64_t rows = 0;
  int64_t columns = 0;
  void* y = nullptr;
  bool y_is_fp16 = true;
  int64_t y_row_stride = 0;
  int64_t y_column_stride = 1;
};

struct MatmulKernels {
  /// Floats of `scratch` for one caller: some panels, one block deep.
  static constexpr int64_t kScratchFloats = 4 * kDepthBlock * kPanelColumns;

  /// Computes panels [first, last). `scratch` is the caller's own.
  void (*multiply)(const Product& product, int64_t first, int64_t last, float* scratch) noexcept;
  /// Columns [first, last) of y.
  void (*finish)(const Finish& finish, int64_t first, int64_t last) noexcept;
};

}  // namespace anemone::kernels
