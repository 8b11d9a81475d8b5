// The family's code, once for all instruction sets: included behind one of lanes/*.h, with
// kTileRows, kTilePanels (rows and panels that fit into the registers together) and kRowPanels
// (panels for a single row) defined.
#include "kernels/matmul/matmul.h"

namespace {

using anemone::kernels::Finish;
using anemone::kernels::kDepthBlock;
using anemone::kernels::Matrix;
using anemone::kernels::Product;

static_assert(anemone::kernels::kPanelColumns == kLanes);

// fp16 panels are converted once for all rows from this many rows on.
constexpr int64_t kConvertRows = 33;

struct Tile {
  const float* x;
  int64_t x_row_stride;
  int64_t x_depth_stride;
  int64_t depth;
  float* out;
  int64_t out_row_stride;
  bool first;                  ///< block of the depth: sums start from 0.
  uintptr_t ahead;             ///< the panels that follow in memory, at the same depth; 0: none.
  int64_t ahead_panel_stride;  ///< in bytes.
  int64_t ahead_depth_stride;
};

/// `kAhead`: meanwhile the panels that follow are fetched into the cache.
template <int kPanels, int kRows, bool kAhead, typename T>
inline void multiply_tile(const Tile& tile, const T* panels, int64_t panel_stride,
                          int64_t depth_stride) {
  Lanes sums[size_t{kRows}][size_t{kPanels}];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) sums[r][p] = broadcast(0.0f);
  for (int64_t k = 0; k < tile.depth; ++k) {
    Lanes weights[size_t{kPanels}];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p)
      weights[p] = load(panels + p * panel_stride + k * depth_stride);
    if constexpr (kAhead)
#pragma GCC unroll 8
      for (int64_t p = 0; p < kPanels; ++p)
        __builtin_prefetch(reinterpret_cast<const void*>(
            tile.ahead +
            static_cast<uintptr_t>(p * tile.ahead_panel_stride + k * tile.ahead_depth_stride)));
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Lanes x = broadcast(tile.x[r * tile.x_row_stride + k * tile.x_depth_stride]);
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) sums[r][p] = fma(x, weights[p], sums[r][p]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      float* out = tile.out + r * tile.out_row_stride + p * kLanes;
      store(out, (tile.first ? broadcast(0.0f) : load(out)) + sums[r][p]);
    }
}

/// All rows of a tile. Many panels go with few rows and the other way round.
template <int kPanels, typename T>
void multiply_rows(Tile tile, int64_t rows, const T* panels, int64_t panel_stride,
                   int64_t depth_stride) {
  const auto take = [&]<int kRows>() {
    // Fewer rows wait for their own panels anyway.
    if (kRows >= 4 && tile.ahead != 0)
      multiply_tile<kPanels, kRows, kRows >= 4>(tile, panels, panel_stride, depth_stride);
    else
      multiply_tile<kPanels, kRows, false>(tile, panels, panel_stride, depth_stride);
    tile.ahead = 0;
    tile.x += kRows * tile.x_row_stride;
    tile.out += kRows * tile.out_row_stride;
    rows -= kRows;
  };
  if constexpr (kPanels <= kTilePanels) {
    while (rows >= kTileRows) take.template operator()<kTileRows>();
    if constexpr (kTileRows > 8)
      if (rows >= 8) take.template operator()<8>();
    while (rows >= 4) take.template operator()<4>();
  }
  if constexpr (kPanels <= kRowPanels / 2)
    while (rows >= 2) take.template operator()<2>();
  while (rows > 0) take.template operator()<1>();
}

template <typename T>
void convert_panel(const T* data, int64_t depth_stride, int64_t columns, int64_t depth,
                   float* block) {
  if (columns >= kLanes) {
    for (int64_t k = 0; k < depth; ++k) store(block + k * kLanes, load(data + k * depth_stride));
    return;
  }
  for (int64_t k = 0; k < depth; ++k) {
    T some[kLanes] = {};
    for (int64_t c = 0; c < columns; ++c) some[c] = data[k * depth_stride + c];
    store(block + k * kLanes, load(some));
  }
}

inline float to_fp32(float value) { return value; }
inline float to_fp32(uint16_t bits) {
  uint16_t repeated[kLanes] = {bits};
  float values[kLanes];
  store(values, load(repeated));
  return values[0];
}

template <typename T>
void transpose_columns(const T* data, int64_t column_stride, int64_t columns, int64_t depth,
                       float* block) {
  int64_t k = 0;
  if (columns >= kLanes)
    for (; k + kLanes <= depth; k += kLanes)
      transpose_16x16(data + k, column_stride, block + k * kLanes);
  for (; k < depth; ++k)
    for (int64_t c = 0; c < kLanes; ++c)
      block[k * kLanes + c] = c < columns ? to_fp32(data[c * column_stride + k]) : 0.0f;
}

template <int kBits>
IntLanes load_field(const uint8_t* p) {
  if constexpr (kBits == 8)
    return load_bytes(p);
  else if constexpr (kBits == 6)
    return load_fields<4>(p) + shift_left<4>(load_fields<2>(p + 8));
  else if constexpr (kBits == 3)
    return load_fields<2>(p) + shift_left<2>(load_fields<1>(p + 4));
  else
    return load_fields<kBits>(p);
}

template <int kBits, typename Entries>
void decode_palette(const Entries& entries, IntLanes start, const uint8_t* fields, int64_t depth,
                    float* block) {
  for (int64_t k = 0; k < depth; ++k)
    store(block + k * kLanes, entries[start + load_field<kBits>(fields + k * 2 * kBits)]);
}

struct Gathered {
  const float* entries;
  Lanes operator[](IntLanes index) const { return gather(entries, index); }
};

/// The tables of one panel are neighbours; if they are small, they are kept in registers.
template <int kBits>
void decode_palette(const Matrix& matrix, int64_t panel, int64_t first, int64_t depth,
                    float* block) {
  const uint8_t* fields = matrix.fields + (panel * matrix.depth + first) * 2 * kBits;
  const int32_t* starts = matrix.table_start + panel * kLanes;
  int32_t lowest = starts[0];
  int32_t highest = starts[0];
  for (int64_t i = 1; i < kLanes; ++i) {
    lowest = starts[i] < lowest ? starts[i] : lowest;
    highest = starts[i] > highest ? starts[i] : highest;
  }
  int32_t relative[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) relative[i] = starts[i] - lowest;
  const IntLanes start = load(relative);
  const float* entries = matrix.tables + lowest;
  const int32_t span = highest - lowest + (1 << kBits);
  if (span <= 16)
    decode_palette<kBits>(Table<16>(entries), start, fields, depth, block);
  else if (span <= 32)
    decode_palette<kBits>(Table<32>(entries), start, fields, depth, block);
  else if (span <= 64)
    decode_palette<kBits>(Table<64>(entries), start, fields, depth, block);
  else
    decode_palette<kBits>(Gathered{entries}, start, fields, depth, block);
}

template <int kBits>
void decode_integers(const Matrix& matrix, int64_t panel, int64_t first, int64_t depth,
                     float* block) {
  const uint8_t* fields = matrix.fields + (panel * matrix.depth + first) * 2 * kBits;
  const Lanes bias = broadcast(static_cast<float>(matrix.field_bias));
  int64_t k = 0;
  while (k < depth) {
    const int64_t group = (first + k) / matrix.group_depth;
    const int64_t end = (group + 1) * matrix.group_depth - first;
    const int64_t at = (panel * matrix.groups + group) * kLanes;
    const Lanes scale = load(matrix.scales + at);
    // Whole numbers far below 2^24: the order of these sums does not matter.
    const Lanes shift = matrix.offsets != nullptr ? bias - load(matrix.offsets + at) : bias;
    for (; k < depth && k < end; ++k) {
      const Lanes integer = to_float(load_field<kBits>(fields + k * 2 * kBits)) + shift;
      const Lanes value = scale * integer;
      store(block + k * kLanes, matrix.rounds_to_fp16 ? round_fp16(value) : value);
    }
  }
}

template <template <int> class Decode>
void by_bits(const Matrix& matrix, int64_t panel, int64_t first, int64_t depth, float* block) {
  switch (matrix.bits) {
    case 1:
      return Decode<1>::run(matrix, panel, first, depth, block);
    case 2:
      return Decode<2>::run(matrix, panel, first, depth, block);
    case 3:
      return Decode<3>::run(matrix, panel, first, depth, block);
    case 4:
      return Decode<4>::run(matrix, panel, first, depth, block);
    case 6:
      return Decode<6>::run(matrix, panel, first, depth, block);
    default:
      return Decode<8>::run(matrix, panel, first, depth, block);
  }
}
template <int kBits>
struct Palette {
  static void run(const Matrix& m, int64_t panel, int64_t first, int64_t depth, float* block) {
    decode_palette<kBits>(m, panel, first, depth, block);
  }
};
template <int kBits>
struct Integers {
  static void run(const Matrix& m, int64_t panel, int64_t first, int64_t depth, float* block) {
    decode_integers<kBits>(m, panel, first, depth, block);
  }
};

/// The values of one panel at depths [first, first + depth) as fp32: block[k * 16 + lane].
void decode(const Matrix& matrix, int64_t panel, int64_t first, int64_t depth, float* block) {
  switch (matrix.form) {
    case Matrix::Form::panels: {
      const int64_t at = panel * matrix.panel_stride + first * matrix.depth_stride;
      const int64_t columns = matrix.padded ? kLanes : matrix.columns - panel * kLanes;
      if (matrix.is_fp16)
        return convert_panel(static_cast<const uint16_t*>(matrix.data) + at, matrix.depth_stride,
                             columns, depth, block);
      return convert_panel(static_cast<const float*>(matrix.data) + at, matrix.depth_stride,
                           columns, depth, block);
    }
    case Matrix::Form::columns: {
      const int64_t at = panel * kLanes * matrix.column_stride + first;
      const int64_t columns = matrix.columns - panel * kLanes;
      if (matrix.is_fp16)
        return transpose_columns(static_cast<const uint16_t*>(matrix.data) + at,
                                 matrix.column_stride, columns, depth, block);
      return transpose_columns(static_cast<const float*>(matrix.data) + at, matrix.column_stride,
                               columns, depth, block);
    }
    case Matrix::Form::palette:
      return by_bits<Palette>(matrix, panel, first, depth, block);
    case Matrix::Form::integers:
      return by_bits<Integers>(matrix, panel, first, depth, block);
  }
}

/// The block of `product` that begins at depth k, for panels from `panel` on.
inline Tile tile_at(const Product& product, int64_t panel, int64_t base, int64_t k) {
  const int64_t left = product.matrix.depth - k;
  return {product.x + k * product.x_depth_stride,
          product.x_row_stride,
          product.x_depth_stride,
          left < kDepthBlock ? left : kDepthBlock,
          product.out + (panel - base) * kLanes,
          product.out_row_stride,
          k == 0,
          0,
          0,
          0};
}

/// Lets the tile of panels [panel, panel + panels) fetch as many panels behind them.
template <typename T>
void look_ahead(const Matrix& matrix, int64_t panel, int64_t panels, int64_t k, Tile& tile) {
  constexpr int64_t kSize = sizeof(T);
  if (matrix.form != Matrix::Form::panels || (panel + panels) * kLanes >= matrix.columns) return;
  tile.ahead =
      reinterpret_cast<uintptr_t>(static_cast<const T*>(matrix.data) +
                                  (panel + panels) * matrix.panel_stride + k * matrix.depth_stride);
  tile.ahead_panel_stride = matrix.panel_stride * kSize;
  tile.ahead_depth_stride = matrix.depth_stride * kSize;
}

/// Panels [panel, panel + kPanels) straight from the matrix.
template <int kPanels, typename T>
void multiply_direct(const Product& product, int64_t panel, int64_t base) {
  const Matrix& matrix = product.matrix;
  const T* data = static_cast<const T*>(matrix.data) + panel * matrix.panel_stride;
  for (int64_t k = 0; k < matrix.depth; k += kDepthBlock) {
    Tile tile = tile_at(product, panel, base, k);
    look_ahead<T>(matrix, panel, kPanels, k, tile);
    const T* at = data + k * matrix.depth_stride;
    multiply_rows<kPanels>(tile, product.rows, at, matrix.panel_stride, matrix.depth_stride);
  }
}

template <int kPanels>
void multiply_decoded(const Product& product, int64_t panel, int64_t base, float* scratch) {
  const Matrix& matrix = product.matrix;
  for (int64_t k = 0; k < matrix.depth; k += kDepthBlock) {
    Tile tile = tile_at(product, panel, base, k);
    if (matrix.is_fp16) look_ahead<uint16_t>(matrix, panel, kPanels, k, tile);
    const int64_t stride = tile.depth * kLanes;
    for (int p = 0; p < kPanels; ++p)
      decode(matrix, panel + p, k, tile.depth, scratch + p * stride);
    multiply_rows<kPanels>(tile, product.rows, scratch, stride, kLanes);
  }
}

/// Calls the widest step that fits, again and again. Sums wait for each other, so few rows take
/// many panels at once to keep the adders busy.
template <typename Step>
void step_panels(int64_t rows, int64_t widest, int64_t& panel, int64_t end, const Step& step) {
  const int64_t wanted = rows == 1 ? kRowPanels : rows < 4 ? kRowPanels / 2 : kTilePanels;
  while (panel < end) {
    int64_t width = wanted < widest ? wanted : widest;
    while (width > end - panel) width /= 2;
    if (width >= 8)
      panel += step.template operator() < kRowPanels >= 8 ? 8 : 1 > (panel);
    else if (width >= 4)
      panel += step.template operator() < kRowPanels >= 4 ? 4 : 1 > (panel);
    else if (width >= 2)
      panel += step.template operator() < kRowPanels >= 2 ? 2 : 1 > (panel);
    else
      panel += step.template operator()<1>(panel);
  }
}

void multiply(const Product& product, int64_t first, int64_t last, float* scratch) noexcept {
  const Matrix& matrix = product.matrix;
  if (matrix.depth == 0) {
    for (int64_t r = 0; r < product.rows; ++r)
      for (int64_t p = first; p < last; ++p)
        store(product.out + r * product.out_row_stride + (p - first) * kLanes, broadcast(0.0f));
    return;
  }
  int64_t panel = first;
  const int64_t whole = matrix.padded ? last : matrix.columns / kLanes;
  if (matrix.form == Matrix::Form::panels && (!matrix.is_fp16 || product.rows < kConvertRows))
    step_panels(product.rows, kRowPanels, panel, last < whole ? last : whole,
                [&]<int kPanels>(int64_t at) {
                  matrix.is_fp16 ? multiply_direct<kPanels, uint16_t>(product, at, first)
                                 : multiply_direct<kPanels, float>(product, at, first);
                  return kPanels;
                });
  const int64_t block = matrix.depth < kDepthBlock ? matrix.depth : kDepthBlock;
  const int64_t fitting = anemone::kernels::MatmulKernels::kScratchFloats / (block * kLanes);
  step_panels(product.rows, fitting, panel, last, [&]<int kPanels>(int64_t at) {
    multiply_decoded<kPanels>(product, at, first, scratch);
    return kPanels;
  });
}

template <typename T>
void store_some(T* to, int64_t stride, Lanes values, int64_t count) {
  if (stride == 1 && count >= kLanes) return store(to, values);
  T rounded[kLanes];
  store(rounded, values);
  for (int64_t i = 0; i < kLanes && i < count; ++i) to[i * stride] = rounded[i];
}

inline Lanes bias_of(const Finish& finish, int64_t column) {
  if (finish.bias == nullptr) return broadcast(0.0f);
  if (column + kLanes <= finish.columns) return load(finish.bias + column);
  float some[kLanes] = {};
  for (int64_t i = 0; column + i < finish.columns; ++i) some[i] = finish.bias[column + i];
  return load(some);
}

/// Columns are the inner dimension of y.
template <typename T>
void finish_rows(const Finish& finish, int64_t first, int64_t last) {
  for (int64_t r = 0; r < finish.rows; ++r)
    for (int64_t c = first; c < last; c += kLanes) {
      const Lanes sum = load(finish.sums + r * finish.sums_row_stride + c - first);
      store_some(static_cast<T*>(finish.y) + r * finish.y_row_stride + c * finish.y_column_stride,
                 finish.y_column_stride, finish.bias != nullptr ? sum + bias_of(finish, c) : sum,
                 last - c);
    }
}

/// Rows are the inner dimension of y: tiles of 16 by 16 are turned round.
template <typename T>
void finish_columns(const Finish& finish, int64_t first, int64_t last) {
  float turned[kLanes * kLanes];
  for (int64_t c = first; c < last; c += kLanes)
    for (int64_t r = 0; r < finish.rows; r += kLanes) {
      const int64_t rows = finish.rows - r < kLanes ? finish.rows - r : kLanes;
      const float* sums = finish.sums + r * finish.sums_row_stride + c - first;
      if (rows == kLanes)
        transpose_16x16(sums, finish.sums_row_stride, turned);
      else
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < kLanes; ++j)
            turned[j * kLanes + i] = sums[i * finish.sums_row_stride + j];
      for (int64_t j = 0; j < kLanes && c + j < last; ++j) {
        Lanes values = load(turned + j * kLanes);
        if (finish.bias != nullptr) values = values + broadcast(finish.bias[c + j]);
        store_some(
            static_cast<T*>(finish.y) + (c + j) * finish.y_column_stride + r * finish.y_row_stride,
            finish.y_row_stride, values, rows);
      }
    }
}

void finish(const Finish& finish, int64_t first, int64_t last) noexcept {
  const bool turn = finish.y_column_stride != 1 && finish.rows > 1;
  if (turn)
    finish.y_is_fp16 ? finish_columns<uint16_t>(finish, first, last)
                     : finish_columns<float>(finish, first, last);
  else
    finish.y_is_fp16 ? finish_rows<uint16_t>(finish, first, last)
                     : finish_rows<float>(finish, first, last);
}

constexpr anemone::kernels::MatmulKernels kMatmul{.multiply = multiply, .finish = finish};

}  // namespace
