#include "eval/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/read_number.h"

namespace anemone::eval {
namespace {

struct Record {
  std::vector<std::string> fields;
  size_t line = 0;
  bool ended = false;  ///< by an end of line.
};

Result<std::vector<Record>> split(std::string_view text, char separator) {
  std::vector<Record> records;
  size_t line = 1;
  for (size_t at = 0; at < text.size();) {
    Record record;
    record.line = line;
    std::string field;
    bool ended = false;
    while (!ended) {
      field.clear();
      if (at < text.size() && text[at] == '"') {
        ++at;
        for (;;) {
          if (at >= text.size())
            return fail(ErrorCode::corrupt, "line {}: a quote stays open", record.line);
          const char c = text[at++];
          if (c == '"') {
            if (at >= text.size() || text[at] != '"') break;
            ++at;
          }
          if (c == '\n') ++line;
          field.push_back(c);
        }
      }
      while (at < text.size() && text[at] != separator && text[at] != '\n' && text[at] != '\r')
        field.push_back(text[at++]);
      record.fields.push_back(field);
      if (at < text.size() && text[at] == separator) {
        ++at;
        continue;
      }
      ended = true;
      record.ended = at < text.size();
      // Nothing behind the last separator, not even an end of line, is no field.
      if (!record.ended && text.back() == separator) record.fields.pop_back();
      if (at < text.size() && text[at] == '\r') ++at;
      if (at < text.size() && text[at] == '\n') ++at;
      ++line;
    }
    const bool blank = record.fields.size() == 1 && record.fields[0].empty();
    if (!blank) records.push_back(std::move(record));
  }
  return records;
}

bool is_missing(std::string_view text) {
  // pandas' default na_values.
  static constexpr std::array<std::string_view, 19> kMissing = {
      "",     "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN",
      "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",       "NULL",
      "NaN",  "None",   "n/a",      "nan",  "null"};
  return std::find(kMissing.begin(), kMissing.end(), text) != kMissing.end();
}

std::optional<int64_t> parse_integer(std::string_view text) {
  if (text.starts_with("+")) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_real(std::string_view text) {
  if (text.starts_with("+")) text.remove_prefix(1);
  return read_number(text);
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "True" || text == "TRUE" || text == "true") return true;
  if (text == "False" || text == "FALSE" || text == "false") return false;
  return std::nullopt;
}

/// What all values of a column that are not missing can be read as.
struct ColumnType {
  bool integer = true;
  bool real = true;
  bool boolean = true;
  bool missing = false;
  bool any = false;

  void see(std::string_view text) {
    if (is_missing(text)) {
      missing = true;
      return;
    }
    any = true;
    integer = integer && parse_integer(text).has_value();
    real = real && parse_real(text).has_value();
    boolean = boolean && parse_bool(text).has_value();
  }

  Value read(const std::string& text) const {
    if (is_missing(text)) return nullptr;
    if (!any) return text;
    if (boolean) return *parse_bool(text);
    if (integer && !missing) return *parse_integer(text);
    if (real) return *parse_real(text);
    return text;
  }
};

}  // namespace

Result<std::vector<Value>> parse_csv(std::string_view text, char separator) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  ANEMONE_TRY(const std::vector<Record> records, split(text, separator));
  std::vector<Value> rows;
  if (records.empty()) return rows;
  const std::vector<std::string>& header = records[0].fields;
  std::vector<ColumnType> types(header.size());
  for (size_t r = 1; r < records.size(); ++r) {
    const Record& record = records[r];
    if (record.fields.size() > header.size())
      return fail(ErrorCode::corrupt, "line {}: {} fields, the header has {}", record.line,
                  record.fields.size(), header.size());
    if (record.fields.size() < header.size() && !record.ended)
      return fail(ErrorCode::corrupt,
                  "line {}: cut off: {} fields and no end of line, the header "
                  "has {} fields",
                  record.line, record.fields.size(), header.size());
    for (size_t c = 0; c < header.size(); ++c)
      types[c].see(c < record.fields.size() ? std::string_view(record.fields[c])
                                            : std::string_view());
  }
  for (size_t r = 1; r < records.size(); ++r) {
    Value row = Value::object();
    for (size_t c = 0; c < header.size(); ++c)
      row[header[c]] =
          types[c].read(c < records[r].fields.size() ? records[r].fields[c] : std::string());
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace anemone::eval
