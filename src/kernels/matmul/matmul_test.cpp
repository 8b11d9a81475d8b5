#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "base/float16.h"
#include "kernels/kernels.h"

namespace anemone::kernels {
namespace {

struct Case {
  Matrix::Form form = Matrix::Form::panels;
  bool is_fp16 = true;
  int bits = 0;
  int64_t rows = 1;
  int64_t columns = 16;
  int64_t depth = 256;
};

/// A matrix in packed form and its values one by one.
struct Packed {
  Matrix matrix;
  std::vector<float> values;  ///< [depth][16 * panels]
  std::vector<uint16_t> halves;
  std::vector<float> floats;
  std::vector<uint8_t> fields;
  std::vector<float> tables, scales, offsets;
  std::vector<int32_t> table_start;
};

void put_field(uint8_t* record, int bits, int64_t lane, int value) {
  const auto plane = [&](uint8_t* bytes, int width, int part) {
    uint8_t& byte = bytes[lane % (2 * width)];
    byte = static_cast<uint8_t>(byte | (part << (width * (lane / (2 * width)))));
  };
  if (bits == 8)
    record[lane] = static_cast<uint8_t>(value);
  else if (bits == 6)
    plane(record, 4, value & 15), plane(record + 8, 2, value >> 4);
  else if (bits == 3)
    plane(record, 2, value & 3), plane(record + 4, 1, value >> 2);
  else
    plane(record, bits, value);
}

float rounded(float value) { return fp16_to_float(float_to_fp16(value)); }

Packed pack(const Case& c, std::mt19937& random) {
  std::normal_distribution<float> normal(0.0f, 1.0f);
  Packed packed;
  Matrix& m = packed.matrix;
  m.form = c.form;
  m.is_fp16 = c.is_fp16;
  m.columns = c.columns;
  m.depth = c.depth;
  m.bits = c.bits;
  const int64_t panels = (c.columns + 15) / 16;
  const int64_t wide = panels * 16;
  packed.values.resize(static_cast<size_t>(wide * c.depth));
  const auto value = [&](int64_t k, int64_t column) -> float& {
    return packed.values[static_cast<size_t>(k * wide + column)];
  };
  if (c.form == Matrix::Form::panels || c.form == Matrix::Form::columns) {
    packed.halves.resize(packed.values.size());
    packed.floats.resize(packed.values.size());
    for (int64_t k = 0; k < c.depth; ++k)
      for (int64_t n = 0; n < c.columns; ++n) {
        value(k, n) = c.is_fp16 ? rounded(normal(random)) : normal(random);
        const auto at = static_cast<size_t>(c.form == Matrix::Form::panels
                                                ? (n / 16 * c.depth + k) * 16 + n % 16
                                                : n * c.depth + k);
        packed.halves[at] = float_to_fp16(value(k, n));
        packed.floats[at] = value(k, n);
      }
    m.data = c.is_fp16 ? static_cast<const void*>(packed.halves.data()) : packed.floats.data();
    m.padded = true;
    m.panel_stride = c.depth * 16;
    m.depth_stride = 16;
    m.column_stride = c.depth;
    return packed;
  }
  packed.fields.resize(static_cast<size_t>(panels * c.depth * 2 * c.bits));
  m.fields = packed.fields.data();
  const int entries = 1 << c.bits;
  std::uniform_int_distribution<int> any(0, entries - 1);
  if (c.form == Matrix::Form::palette) {
    for (int64_t i = 0; i < 4 * entries; ++i) packed.tables.push_back(rounded(normal(random)));
    packed.tables.resize(packed.tables.size() + 64, 0.0f);
    // Groups of 5, 8 and 16 columns: one, two and several tables in a panel.
    const int64_t group = c.columns == 150 ? 5 : c.columns == 32 ? 8 : 16;
    for (int64_t n = 0; n < wide; ++n)
      packed.table_start.push_back(static_cast<int32_t>(n / group % 4 * entries));
    m.tables = packed.tables.data();
    m.table_start = packed.table_start.data();
  } else {
    m.group_depth = 32;
    m.groups = (c.depth + 31) / 32;
    m.field_bias = -(entries / 2);
    m.rounds_to_fp16 = c.is_fp16;
    for (int64_t i = 0; i < panels * m.groups * 16; ++i) {
      packed.scales.push_back(rounded(0.01f * std::fabs(normal(random))));
      packed.offsets.push_back(static_cast<float>(any(random) % 5));
    }
    m.scales = packed.scales.data();
    m.offsets = packed.offsets.data();
  }
  for (int64_t n = 0; n < wide; ++n)
    for (int64_t k = 0; k < c.depth; ++k) {
      const int field = any(random);
      put_field(packed.fields.data() + (n / 16 * c.depth + k) * 2 * c.bits, c.bits, n % 16, field);
      if (c.form == Matrix::Form::palette) {
        value(k, n) =
            packed.tables[static_cast<size_t>(packed.table_start[static_cast<size_t>(n)] + field)];
      } else {
        const auto at = static_cast<size_t>((n / 16 * m.groups + k / 32) * 16 + n % 16);
        const float exact =
            packed.scales[at] * (static_cast<float>(field + m.field_bias) - packed.offsets[at]);
        value(k, n) = c.is_fp16 ? rounded(exact) : exact;
      }
    }
  return packed;
}

/// The same values row by row, as an activation has them: nothing behind the last column.
void make_plain(Packed& packed) {
  Matrix& m = packed.matrix;
  const int64_t wide = (m.columns + 15) / 16 * 16;
  packed.halves.resize(static_cast<size_t>(m.depth * m.columns));
  packed.floats.resize(packed.halves.size());
  for (int64_t k = 0; k < m.depth; ++k)
    for (int64_t n = 0; n < m.columns; ++n) {
      const float value = packed.values[static_cast<size_t>(k * wide + n)];
      packed.halves[static_cast<size_t>(k * m.columns + n)] = float_to_fp16(value);
      packed.floats[static_cast<size_t>(k * m.columns + n)] = value;
    }
  packed.halves.shrink_to_fit();
  packed.floats.shrink_to_fit();
  m.data = m.is_fp16 ? static_cast<const void*>(packed.halves.data()) : packed.floats.data();
  m.padded = false;
  m.panel_stride = 16;
  m.depth_stride = m.columns;
}

/// The canonical order, written down once more.
float canonical(const float* x, const float* weights, int64_t weight_stride, int64_t depth) {
  float total = 0;
  for (int64_t first = 0; first < depth; first += kDepthBlock) {
    float sum = 0;
    for (int64_t k = first; k < std::min(first + kDepthBlock, depth); ++k)
      sum = std::fma(x[k], weights[k * weight_stride], sum);
    total += sum;
  }
  return total;
}

/// Elements of x * matrix that do not have the canonical bits.
int64_t count_wrong(const MatmulKernels& kernels, const Case& c, bool rows_inside,
                    bool plain = false) {
  std::mt19937 random(static_cast<uint32_t>(c.rows * 131 + c.depth + c.bits));
  Packed packed = pack(c, random);
  if (plain) make_plain(packed);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  std::vector<float> x(static_cast<size_t>(c.rows * c.depth));
  for (float& value : x) value = normal(random);
  std::vector<float> given = x;
  if (rows_inside)
    for (int64_t r = 0; r < c.rows; ++r)
      for (int64_t k = 0; k < c.depth; ++k)
        given[static_cast<size_t>(k * c.rows + r)] = x[static_cast<size_t>(r * c.depth + k)];
  const int64_t panels = (c.columns + 15) / 16;
  std::vector<float> out(static_cast<size_t>(c.rows * panels * 16), 7.0f);
  std::vector<float> scratch(MatmulKernels::kScratchFloats);
  const Product product{.x = given.data(),
                        .x_row_stride = rows_inside ? 1 : c.depth,
                        .x_depth_stride = rows_inside ? c.rows : 1,
                        .rows = c.rows,
                        .matrix = packed.matrix,
                        .out = out.data(),
                        .out_row_stride = panels * 16};
  // Two calls, as two threads would make them.
  Product second = product;
  second.out += panels / 3 * 16;
  kernels.multiply(second, panels / 3, panels, scratch.data());
  kernels.multiply(product, 0, panels / 3, scratch.data());
  int64_t wrong = 0;
  for (int64_t r = 0; r < c.rows; ++r)
    for (int64_t n = 0; n < c.columns; ++n) {
      const float expected =
          canonical(x.data() + r * c.depth, packed.values.data() + n, panels * 16, c.depth);
      wrong += std::memcmp(&expected, &out[static_cast<size_t>(r * panels * 16 + n)],
                           sizeof expected) != 0;
    }
  return wrong;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int64_t rows : {1, 3, 4, 7, 17, 64})
    for (const int64_t depth : {1, 15, 256, 520})
      for (const int64_t columns : {16, 32, 150}) {
        for (const bool is_fp16 : {true, false}) {
          all.push_back({Matrix::Form::panels, is_fp16, 0, rows, columns, depth});
          all.push_back({Matrix::Form::columns, is_fp16, 0, rows, columns, depth});
        }
        if (rows != 1 && rows != 17) continue;
        for (const int bits : {1, 2, 3, 4, 6, 8}) {
          all.push_back({Matrix::Form::palette, true, bits, rows, columns, depth});
          all.push_back({Matrix::Form::integers, bits % 2 == 0, bits, rows, columns, depth});
        }
      }
  return all;
}

TEST(MatmulKernels, EveryInstructionSetHasTheCanonicalBits) {
  for (const KernelSet& set : kernel_sets())
    for (const Case& c : cases())
      for (const bool rows_inside : {false, true})
        ASSERT_EQ(count_wrong(*set.matmul, c, rows_inside), 0)
            << set.isa << " form " << static_cast<int>(c.form) << " bits " << c.bits << " fp16 "
            << c.is_fp16 << ": " << c.rows << " x " << c.depth << " x " << c.columns;
}

TEST(MatmulKernels, PlainMatricesAreNotReadBeyondTheirEnd) {
  for (const KernelSet& set : kernel_sets())
    for (const int64_t rows : {1, 5, 17})
      for (const int64_t columns : {3, 16, 40})
        for (const bool is_fp16 : {true, false}) {
          const Case c{Matrix::Form::panels, is_fp16, 0, rows, columns, 300};
          ASSERT_EQ(count_wrong(*set.matmul, c, false, true), 0)
              << set.isa << " fp16 " << is_fp16 << ": " << rows << " x " << columns;
        }
}

/// Right up to the order of the sum: products and sums rounded one by one.
void multiply_without_fusing(const Product& product, int64_t first, int64_t last, float*) noexcept {
  for (int64_t r = 0; r < product.rows; ++r)
    for (int64_t n = first * 16; n < last * 16; ++n) {
      float sum = 0;
      for (int64_t k = 0; k < product.matrix.depth; ++k) {
        const float weight = static_cast<const float*>(
            product.matrix.data)[n / 16 * product.matrix.panel_stride + k * 16 + n % 16];
        const float term =
            product.x[r * product.x_row_stride + k * product.x_depth_stride] * weight;
        sum += term;
      }
      product.out[r * product.out_row_stride + n - first * 16] = sum;
    }
}

TEST(MatmulKernels, AnotherRoundingIsNoticed) {
  MatmulKernels wrong = *kernel_sets()[0].matmul;
  wrong.multiply = multiply_without_fusing;
  const Case c{.form = Matrix::Form::panels, .is_fp16 = false, .rows = 4, .columns = 32};
  EXPECT_GT(count_wrong(wrong, c, false), 0);
}

TEST(MatmulKernels, FinishAddsTheBiasAndRoundsOnce) {
  constexpr int64_t kRows = 37;
  constexpr int64_t kColumns = 43;
  constexpr int64_t kStride = 48;
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.0f, 3.0f);
  std::vector<float> sums(kRows * kStride);
  std::vector<float> bias(kColumns);
  for (float& value : sums) value = normal(random);
  for (float& value : bias) value = normal(random);
  for (const KernelSet& set : kernel_sets())
    for (const bool columns_inside : {true, false})
      for (const bool is_fp16 : {true, false}) {
        std::vector<uint16_t> halves(kRows * kColumns + 1, 0xabcd);
        std::vector<float> floats(kRows * kColumns + 1, 7.0f);
        const Finish finish{.sums = sums.data(),
                            .sums_row_stride = kStride,
                            .bias = bias.data(),
                            .rows = kRows,
                            .columns = kColumns,
                            .y = is_fp16 ? static_cast<void*>(halves.data()) : floats.data(),
                            .y_is_fp16 = is_fp16,
                            .y_row_stride = columns_inside ? kColumns : 1,
                            .y_column_stride = columns_inside ? 1 : kRows};
        Finish second = finish;
        second.sums += 16;
        set.matmul->finish(finish, 0, 16);
        set.matmul->finish(second, 16, kColumns);
        EXPECT_EQ(halves.back(), 0xabcd);
        EXPECT_EQ(floats.back(), 7.0f);
        for (int64_t r = 0; r < kRows; ++r)
          for (int64_t n = 0; n < kColumns; ++n) {
            const float expected =
                sums[static_cast<size_t>(r * kStride + n)] + bias[static_cast<size_t>(n)];
            const auto at = static_cast<size_t>(columns_inside ? r * kColumns + n : n * kRows + r);
            if (is_fp16)
              ASSERT_EQ(halves[at], float_to_fp16(expected)) << set.isa << " " << r << " " << n;
            else
              ASSERT_EQ(floats[at], expected) << set.isa << " " << r << " " << n;
          }
      }
}

}  // namespace
}  // namespace anemone::kernels
