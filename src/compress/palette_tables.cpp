#include "compress/palette_tables.h"

#include "compress/tables.h"

namespace anemone::compress {
namespace {

constexpr int64_t kRange = 1 << 18;  ///< elements that are worth a thread.

void put_codes(std::span<const uint16_t> values, const Table& table, uint8_t* codes) {
  const uint8_t* code_of = table.code_of.data();
  for (const uint16_t value : values) *codes++ = code_of[value];
}

/// Many tables: each thread makes whole ones.
std::vector<Table> tables_each(const Matrix& matrix, int64_t table_rows, int bits, int threads,
                               uint8_t* codes) {
  const int64_t count = matrix.rows() / table_rows;
  std::vector<Table> tables(static_cast<size_t>(count));
  const int64_t share = (count + 4 * threads - 1) / (4 * threads);
  for_each_range(count, share, threads, [&](int64_t begin, int64_t end) {
    Histogram histogram;
    for (int64_t i = begin; i < end; ++i) {
      const auto values = matrix.of_rows(i * table_rows, table_rows);
      Table& table = tables[static_cast<size_t>(i)];
      histogram.add(values);
      table = best_table(histogram.line(), bits);
      histogram.clear();
      put_codes(values, table, codes + i * table_rows * matrix.columns());
      table.code_of = {};
    }
  });
  return tables;
}

/// One table: threads count and code ranges of it.
Table table_of_all(const Matrix& matrix, int bits, int threads, uint8_t* codes) {
  const auto values = matrix.values();
  const auto count = static_cast<int64_t>(values.size());
  const int64_t share = std::max(kRange, (count + threads - 1) / threads);
  std::vector<Histogram> histograms(static_cast<size_t>((count + share - 1) / share));
  const auto part = [&](int64_t begin, int64_t end) {
    return values.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  };
  for_each_range(count, share, threads, [&](int64_t begin, int64_t end) {
    histograms[static_cast<size_t>(begin / share)].add(part(begin, end));
  });
  for (size_t i = 1; i < histograms.size(); ++i) histograms[0].add(histograms[i]);
  Table table = best_table(histograms[0].line(), bits);
  for_each_range(count, kRange, threads, [&](int64_t begin, int64_t end) {
    put_codes(part(begin, end), table, codes + begin);
  });
  return table;
}

}  // namespace

PaletteTables palette_tables(const Matrix& matrix, int64_t table_rows, int bits, int threads) {
  PaletteTables result;
  result.codes.resize(matrix.values().size());
  std::vector<Table> tables;
  if (table_rows == matrix.rows())
    tables.push_back(table_of_all(matrix, bits, threads, result.codes.data()));
  else
    tables = tables_each(matrix, table_rows, bits, threads, result.codes.data());
  for (Table& table : tables) {
    table.entries.resize(size_t{1} << bits, 0.0f);
    result.entries.insert(result.entries.end(), table.entries.begin(), table.entries.end());
    result.squared_error += table.squared_error;
    result.squared_sum += table.squared_sum;
  }
  return result;
}

}  // namespace anemone::compress
