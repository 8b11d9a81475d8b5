#include "eval/rows.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "eval/csv.h"
#include "eval/gzip.h"
#include "eval/json_text.h"
#include "text/table_rows.h"

namespace anemone::eval {
namespace {

constexpr size_t kMostBytes = size_t{4} << 30;
constexpr size_t kMostLineBytes = size_t{64} << 20;

Result<std::vector<Value>> parse_json_lines(std::string_view text) {
  std::vector<Value> rows;
  size_t line = 0;
  for (size_t begin = 0; begin < text.size();) {
    ++line;
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view one = text.substr(begin, end - begin);
    begin = end + 1;
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (one.size() > kMostLineBytes)
      return fail(ErrorCode::limit, "line {}: {} bytes, a row has at most {}", line, one.size(),
                  kMostLineBytes);
    auto row = parse_json_text(one);
    if (!row.ok()) return std::move(row).in(fmt::format("line {}", line)).error();
    if (!row->is_object()) return fail(ErrorCode::corrupt, "line {}: not a JSON object", line);
    rows.push_back(std::move(row).value());
  }
  return rows;
}

Result<std::vector<Value>> parse_json(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '[') return parse_json_lines(text);
  ANEMONE_TRY(Value list, parse_json_text(text));
  std::vector<Value> rows;
  for (Value& row : list) {
    if (!row.is_object())
      return fail(ErrorCode::corrupt, "item {} of the list is no JSON object", rows.size());
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<Value>> table_rows(text::TableRows table) {
  std::vector<Value> rows;
  for (;;) {
    ANEMONE_TRY(const auto lines, table.next());
    if (lines.rows == 0) return rows;
    ANEMONE_TRY(auto more, parse_json_lines(lines.text));
    rows.insert(rows.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
  }
}

/// JSON says so itself.
Status check_utf8(std::string_view bytes) {
  if (is_utf8(bytes)) return {};
  size_t line = 1;
  for (size_t begin = 0;; ++line) {
    const size_t end = std::min(bytes.find('\n', begin), bytes.size());
    if (!is_utf8(bytes.substr(begin, end - begin))) break;
    begin = end + 1;
  }
  return fail(ErrorCode::corrupt, "line {}: not UTF-8", line);
}

text::TableRows::Format table_format(RowFormat format) {
  return format == RowFormat::parquet ? text::TableRows::Format::parquet
                                      : text::TableRows::Format::arrow_stream;
}

std::vector<Value> text_lines(std::string_view text) {
  std::vector<Value> rows;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    rows.push_back(Value{{"text", line}});
    begin = end + 1;
  }
  return rows;
}

/// Text as Python reads it: each end of a line is "\n".
std::string with_plain_ends(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r')
      plain += text[i];
    else if (i + 1 == text.size() || text[i + 1] != '\n')
      plain += '\n';
  }
  return plain;
}

std::vector<Value> text_paragraphs(std::string_view bytes) {
  const std::string text = with_plain_ends(bytes);
  std::vector<Value> rows;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find("\n\n", begin), text.size());
    if (end > begin) rows.push_back(Value{{"text", text.substr(begin, end - begin)}});
    begin = end + 2;
  }
  return rows;
}

/// How many cells rows may get for each that they have, so that few bytes do not become many: a
/// file in which every row has keys of its own. Small tables are free of it.
constexpr size_t kMostGrowth = 64;
constexpr size_t kSmallTable = size_t{1} << 20;

/// One set of columns for all rows. Errors: limit.
Result<std::vector<Value>> aligned(std::vector<Value> rows) {
  struct Column {
    std::string name;
    bool integers = false;
    bool floats = false;
    bool others = false;
  };
  std::vector<Column> columns;
  std::unordered_map<std::string, size_t> index;
  for (const Value& row : rows) {
    for (const auto& [key, value] : row.items()) {
      const auto [found, added] = index.try_emplace(key, columns.size());
      if (added) columns.push_back({key});
      Column& column = columns[found->second];
      if (value.is_number_float())
        column.floats = true;
      else if (value.is_number_integer())
        column.integers = true;
      else if (!value.is_null())
        column.others = true;
    }
  }
  size_t cells = 0;
  for (const Value& row : rows) cells += row.size();
  if (rows.size() * columns.size() > std::max(kSmallTable, cells * kMostGrowth))
    return fail(ErrorCode::limit, "{} rows have {} different keys, but only {} values", rows.size(),
                columns.size(), cells);
  for (Value& row : rows) {
    Value full = Value::object();
    for (const Column& column : columns) {
      const auto found = row.find(column.name);
      Value value = found == row.end() ? Value(nullptr) : std::move(*found);
      if (column.integers && column.floats && !column.others && value.is_number())
        value = value.get<double>();
      full[column.name] = std::move(value);
    }
    row = std::move(full);
  }
  return rows;
}

}  // namespace

std::optional<RowFormat> row_format(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  const std::string ending = std::filesystem::path(name).extension().string();
  if (ending == ".jsonl" || ending == ".ndjson" || ending == ".json") return RowFormat::json;
  if (ending == ".csv") return RowFormat::csv;
  if (ending == ".tsv") return RowFormat::tsv;
  if (ending == ".txt") return RowFormat::text;
  if (ending == ".parquet") return RowFormat::parquet;
  if (ending == ".arrow") return RowFormat::arrow;
  return std::nullopt;
}

Result<std::vector<Value>> parse_rows(std::string_view bytes, RowFormat format) {
  const bool is_table = format == RowFormat::parquet || format == RowFormat::arrow;
  if (!is_table && format != RowFormat::json) ANEMONE_RETURN_IF_ERROR(check_utf8(bytes));
  switch (format) {
    case RowFormat::json: {
      ANEMONE_TRY(auto rows, parse_json(bytes));
      return aligned(std::move(rows));
    }
    case RowFormat::csv:
      return parse_csv(bytes, ',');
    case RowFormat::tsv:
      return parse_csv(bytes, '\t');
    case RowFormat::text:
      return text_lines(bytes);
    case RowFormat::text_paragraphs:
      return text_paragraphs(bytes);
    case RowFormat::text_document:
      if (bytes.empty()) return fail(ErrorCode::mismatch, "the text is empty");
      return std::vector<Value>{Value{{"text", with_plain_ends(bytes)}}};
    case RowFormat::parquet:
    case RowFormat::arrow: {
      ANEMONE_TRY(auto table, text::TableRows::parse(table_format(format), bytes));
      return table_rows(std::move(table));
    }
  }
  return fail(ErrorCode::unsupported, "rows of format {}", static_cast<int>(format));
}

Result<std::vector<Value>> read_rows(const std::filesystem::path& path,
                                     std::optional<RowFormat> format) {
  if (!format) format = row_format(path);
  if (!format)
    return fail(ErrorCode::unsupported, "{}: not a name of JSON, CSV, text, Parquet or Arrow rows",
                path.string());
  const bool packed = path.extension() == ".gz";
  if ((*format == RowFormat::parquet || *format == RowFormat::arrow) && !packed) {
    ANEMONE_TRY(auto table, text::TableRows::open(table_format(*format), path));
    return table_rows(std::move(table)).in(path.string());
  }
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  const std::string_view bytes(reinterpret_cast<const char*>(file->bytes().data()),
                               file->bytes().size());
  if (!packed) return parse_rows(bytes, *format).in(path.string());
  auto unpacked = gunzip(file->bytes(), kMostBytes);
  if (!unpacked.ok()) return std::move(unpacked).in(path.string()).error();
  return parse_rows(*unpacked, *format).in(path.string());
}

}  // namespace anemone::eval
