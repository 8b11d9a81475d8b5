#include "eval/rows.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "eval/gzip.h"

/// The first byte chooses the format. All rows must have the same columns.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone::eval;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto format = RowFormat::json;
  switch (data[0]) {
    case 'c':
      format = RowFormat::csv;
      break;
    case 't':
      format = RowFormat::tsv;
      break;
    case 'x':
      format = RowFormat::text;
      break;
    case 'p':
      format = RowFormat::parquet;
      break;
    case 'a':
      format = RowFormat::arrow;
      break;
    case 'g':
      (void)gunzip(std::as_bytes(std::span(data, size).subspan(1)), size_t{1} << 20).ok();
      return 0;
    default:
      break;
  }
  const auto rows = parse_rows(bytes, format);
  if (!rows.ok() || rows->empty()) return 0;
  for (const Value& row : *rows) {
    if (row.size() != rows->front().size()) __builtin_trap();
    for (const auto& [column, value] : rows->front().items())
      if (!row.contains(column)) __builtin_trap();
  }
  return 0;
}
