#include "compress/palette_tables.h"

#include "compress/tables.h"

namespace anemone::compress {
namespace {

constexpr int64_t kRange = 1 << 18;  ///< elements that are worth a thread.

void put_codes(std::span<const uint16_t> values, const Table& table, uint8_t* codes) {
  const uint8_t* code_of = table.code_of.data();
  for (const uint16_t value : values) *codes++ = code_of[value];
}

/// Empty of what is empty.
template <typename T>
std::span<const T> part_of(std::span<const T> whole, int64_t begin, int64_t end) {
  if (whole.empty()) return whole;
  return whole.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

/// Many tables: each thread makes whole ones.
std::vector<Table> tables_each(const Matrix& matrix, int64_t table_rows, int bits, int threads,
                               std::span<const uint8_t> mask, uint8_t* codes) {
  const int64_t count = matrix.rows() / table_rows;
  std::vector<Table> tables(static_cast<size_t>(count));
  const int64_t share = (count + 4 * threads - 1) / (4 * threads);
  for_each_range(count, share, threads, [&](int64_t begin, int64_t end) {
    Histogram histogram;
    for (int64_t i = begin; i < end; ++i) {
      const auto values = matrix.of_rows(i * table_rows, table_rows);
      Table& table = tables[static_cast<size_t>(i)];
      histogram.add(values, part_of(mask, i * table_rows * matrix.columns(),
                                    (i + 1) * table_rows * matrix.columns()));
      table = best_table(histogram.line(), bits);
      histogram.clear();
      put_codes(values, table, codes + i * table_rows * matrix.columns());
      table.code_of = {};
    }
  });
  return tables;
}

/// One table: threads count and code ranges of it.
Table table_of_all(const Matrix& matrix, int bits, int threads, std::span<const uint8_t> mask,
                   uint8_t* codes) {
  const auto values = matrix.values();
  const auto count = static_cast<int64_t>(values.size());
  const int64_t share = std::max(kRange, (count + threads - 1) / threads);
  std::vector<Histogram> histograms(static_cast<size_t>((count + share - 1) / share));
  for_each_range(count, share, threads, [&](int64_t begin, int64_t end) {
    histograms[static_cast<size_t>(begin / share)].add(part_of(values, begin, end),
                                                       part_of(mask, begin, end));
  });
  for (size_t i = 1; i < histograms.size(); ++i) histograms[0].add(histograms[i]);
  Table table = best_table(histograms[0].line(), bits);
  for_each_range(count, kRange, threads, [&](int64_t begin, int64_t end) {
    put_codes(part_of(values, begin, end), table, codes + begin);
  });
  return table;
}

}  // namespace

PaletteTables palette_tables(const Matrix& matrix, int64_t table_rows, int bits, int threads,
                             std::span<const uint8_t> mask) {
  PaletteTables result;
  result.codes.resize(matrix.values().size());
  std::vector<Table> tables;
  if (table_rows == matrix.rows())
    tables.push_back(table_of_all(matrix, bits, threads, mask, result.codes.data()));
  else
    tables = tables_each(matrix, table_rows, bits, threads, mask, result.codes.data());
  for (Table& table : tables) {
    result.used.push_back(table.entries.size());
    table.entries.resize(size_t{1} << bits, 0.0f);
    result.entries.insert(result.entries.end(), table.entries.begin(), table.entries.end());
    result.squared_error += table.squared_error;
    result.squared_sum += table.squared_sum;
  }
  return result;
}

PaletteTables recoded_tables(const Matrix& matrix, int64_t table_rows, PaletteTables tables,
                             int threads) {
  const auto size = tables.entries.size() / tables.used.size();
  const int64_t elements = table_rows * matrix.columns();
  std::vector<Table> coded(tables.used.size());
  for_each_index(static_cast<int64_t>(coded.size()), threads, [&](int64_t i) {
    const auto index = static_cast<size_t>(i);
    const auto values = matrix.of_rows(i * table_rows, table_rows);
    Histogram histogram;
    histogram.add(values);
    const auto entries = std::span(tables.entries).subspan(index * size, tables.used[index]);
    coded[index] = coded_table(histogram.line(), {entries.begin(), entries.end()});
    put_codes(values, coded[index], tables.codes.data() + i * elements);
    coded[index].code_of = {};
  });
  tables.squared_error = 0;
  for (const Table& table : coded) tables.squared_error += table.squared_error;
  return tables;
}

}  // namespace anemone::compress
