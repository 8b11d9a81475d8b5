#include "eval/table.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/read_number.h"
#include "eval/python_format.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

/// What pytablewriter takes a cell for.
enum class CellType : uint8_t { text, integer, real, blank };

struct Cell {
  std::string text;
  bool native = false;  ///< a Python number, not text that reads as one.
  CellType type = CellType::text;
  double number = 0;
};

using Row = std::array<Cell, 9>;

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const auto point = python::code_point_at(text, i);
    width += point.value > 0x10ffff
                 ? 1
                 : static_cast<size_t>(
                       std::max(1, utf8proc_charwidth(static_cast<utf8proc_int32_t>(point.value))));
    i += point.size_bytes;
  }
  return width;
}

std::optional<double> parse_number(const std::string& text) {
  if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '-')) return std::nullopt;
  return read_number(text);
}

int decimals(double value) {
  const std::string text = python::float_repr(value);
  if (text.ends_with(".0")) return 0;
  const size_t mantissa = std::min(text.find('e'), text.size());
  int exponent = 0;
  if (mantissa < text.size()) {
    const bool plus = text[mantissa + 1] == '+';
    std::from_chars(text.data() + mantissa + (plus ? 2 : 1), text.data() + text.size(), exponent);
  }
  const size_t point = text.find('.');
  const size_t places = point > mantissa ? 0 : mantissa - point - 1;
  return std::max(static_cast<int>(places) - exponent, 0);
}

/// Types the cells of a column from above: once text is the commonest type so far, text that reads
/// as a number stays text.
void infer_types(std::vector<Row>& rows, size_t column) {
  std::vector<std::pair<CellType, int>> seen;
  for (Row& row : rows) {
    Cell& cell = row[column];
    const auto commonest = std::max_element(
        seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    const bool stays_text =
        !cell.native && commonest != seen.end() && commonest->first == CellType::text;
    const auto number = stays_text ? std::nullopt : parse_number(cell.text);
    if (number) {
      cell.number = *number;
      cell.type = decimals(*number) == 0 ? CellType::integer : CellType::real;
    } else if (cell.text.find_first_not_of(' ') == std::string::npos) {
      cell.type = CellType::blank;
      cell.text.clear();
    }
    const auto known = std::find_if(seen.begin(), seen.end(),
                                    [&](const auto& entry) { return entry.first == cell.type; });
    if (known == seen.end())
      seen.emplace_back(cell.type, 1);
    else
      ++known->second;
  }
}

struct Layout {
  bool right = false;
  size_t width = 0;
};

/// Writes the numbers of a column alike, unless there is text among them, and says how the column
/// is aligned.
Layout lay_out(std::vector<Row>& rows, size_t column, const std::string& header) {
  infer_types(rows, column);
  int places = 0;
  bool numbers = false;
  bool texts = false;
  for (const Row& row : rows) {
    texts = texts || row[column].type == CellType::text;
    numbers =
        numbers || row[column].type == CellType::integer || row[column].type == CellType::real;
    if (row[column].type == CellType::real) places = std::max(places, decimals(row[column].number));
  }
  Layout layout{numbers && !texts, std::max<size_t>(3, display_width(header))};
  for (Row& row : rows) {
    Cell& cell = row[column];
    if (cell.type == CellType::real || cell.type == CellType::integer)
      cell.text =
          fmt::format("{:.{}f}", cell.number, texts && cell.type == CellType::integer ? 0 : places);
    layout.width = std::max(layout.width, display_width(cell.text));
  }
  return layout;
}

std::string padded(const Cell& cell, const Layout& layout) {
  const std::string blanks(layout.width - display_width(cell.text), ' ');
  const bool number = cell.type == CellType::integer || cell.type == CellType::real;
  return layout.right || number ? blanks + cell.text : cell.text + blanks;
}

std::string centred(const std::string& text, size_t width) {
  const size_t blanks = width - display_width(text);
  return std::string(blanks / 2, ' ') + text + std::string(blanks - blanks / 2, ' ');
}

/// Children below their groups, sorted; then what belongs to no group.
class Order {
 public:
  Order(const Value& results, const std::string& column) : column_(results[column]) {
    const Value groups = results.value("group_subtasks", Value::object());
    std::map<std::string, std::set<std::string>> children;
    std::set<std::string> inner;
    for (const auto& [group, members] : groups.items()) {
      for (const Value& member : members) {
        children[group].insert(member.get<std::string>());
        inner.insert(member.get<std::string>());
      }
      children.try_emplace(group);
    }
    for (const auto& [group, members] : children)
      if (!inner.contains(group)) visit(group, 0, children);
    std::set<std::string> rest;
    for (const auto& [name, value] : column_.items())
      if (!depths_.contains(name)) rest.insert(name);
    names_.insert(names_.end(), rest.begin(), rest.end());
  }

  const std::vector<std::string>& names() const { return names_; }
  size_t depth(const std::string& name) const {
    const auto found = depths_.find(name);
    return found == depths_.end() ? 0 : found->second;
  }

 private:
  void visit(const std::string& name, size_t depth,
             const std::map<std::string, std::set<std::string>>& children) {
    depths_[name] = depth;
    if (column_.contains(name)) names_.push_back(name);
    const auto found = children.find(name);
    if (found == children.end()) return;
    for (const std::string& child : found->second) visit(child, depth + 1, children);
  }

  const Value& column_;
  std::map<std::string, size_t> depths_;
  std::vector<std::string> names_;
};

/// A score as "%.4f"; other values keep their type.
Cell value_cell(const Value& value) {
  if (value.is_null()) return {"n/a"};
  if (value.is_number_float()) return {fmt::format("{:.4f}", value.get<double>())};
  return {python::to_str(value), value.is_number()};
}

void add_rows(const Value& results, const std::string& column, const std::string& name,
              size_t depth, std::vector<Row>& rows) {
  const Value& entry = results[column][name];
  std::string shown = python::to_str(entry.value("alias", Value(name)));
  if (depth > 0) shown = std::string(depth, ' ') + "- " + shown;
  const Value number = results["versions"].value(name, Value("    N/A"));
  Cell version = {python::to_str(number), number.is_number()};
  const std::string shots = python::to_str(results["n-shot"].value(name, Value(" ")));
  const Value higher = results["higher_is_better"].value(name, Value::object());
  std::vector<std::string> keys;
  for (const auto& [key, value] : entry.items())
    if (key.find(',') != std::string::npos) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  for (const std::string& key : keys) {
    const size_t comma = key.find(',');
    const std::string metric = key.substr(0, comma);
    const std::string filter = key.substr(comma + 1);
    if (metric.ends_with("_stderr")) continue;
    const Value& value = entry[key];
    const Value better = higher.value(metric, Value());
    const std::string arrow = better == true ? "↑" : better == false ? "↓" : "";
    const Value error = entry.value(metric + "_stderr," + filter, Value());
    // The harness writes N/A for an error that is not defined; beside no score it is n/a as well.
    const Cell error_cell = error.is_null()                        ? Cell{}
                            : error.is_string() && value.is_null() ? Cell{"   n/a"}
                            : error.is_string()                    ? Cell{"   N/A"}
                                                                   : value_cell(error);
    rows.push_back({Cell{shown}, version, Cell{filter}, Cell{shots}, Cell{metric}, Cell{arrow},
                    value_cell(value), Cell{error.is_null() ? "" : "±"}, error_cell});
    shown.clear();
    version = {};
  }
}

}  // namespace

std::string format_table(const Value& results, const std::string& column) {
  const std::array<std::string, 9> headers = {column == "groups" ? "Groups" : "Tasks",
                                              "Version",
                                              "Filter",
                                              "n-shot",
                                              "Metric",
                                              "",
                                              "Value",
                                              "",
                                              "Stderr"};
  const Order order(results, column);
  std::vector<Row> rows;
  for (const std::string& name : order.names())
    add_rows(results, column, name, order.depth(name), rows);
  std::array<Layout, 9> layouts;
  for (size_t c = 0; c < layouts.size(); ++c) layouts[c] = lay_out(rows, c, headers[c]);

  std::string out = "|";
  for (size_t c = 0; c < layouts.size(); ++c) out += centred(headers[c], layouts[c].width) + "|";
  out += "\n|";
  for (const Layout& layout : layouts)
    out += std::string(layout.width - (layout.right ? 1 : 0), '-') + (layout.right ? ":|" : "|");
  out += "\n";
  for (const Row& row : rows) {
    out += "|";
    for (size_t c = 0; c < layouts.size(); ++c) out += padded(row[c], layouts[c]) + "|";
    out += "\n";
  }
  return out;
}

}  // namespace anemone::eval
