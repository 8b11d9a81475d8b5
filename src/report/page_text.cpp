#include <algorithm>

#include "report/page.h"

namespace anemone::report {
namespace {

/// Characters of a text that is valid UTF-8.
size_t length_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0U) != 0x80; }));
}

std::string shown(const Cell& cell) {
  return printable(cell.text) + (cell.tone == Tone::predicted ? " predicted" : "");
}

std::string padded(const std::string& text, size_t width, bool right) {
  const std::string blanks(width - std::min(width, length_of(text)), ' ');
  return right ? blanks + text : text + blanks;
}

/// Lines of at most so many characters, broken between words.
std::string wrapped(std::string_view text, std::string_view indent = "") {
  constexpr size_t kWidth = 110;
  std::string out;
  std::string line;
  const std::string words = printable(text);
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    const std::string_view word = std::string_view(words).substr(at, end - at);
    if (!line.empty() && length_of(line) + 1 + length_of(word) > kWidth) {
      out += line + '\n';
      line = indent;
    } else if (!line.empty()) {
      line += ' ';
    }
    line += word;
    at = end + 1;
  }
  return out + line + '\n';
}

std::string table_text(const Table& table) {
  std::vector<size_t> widths;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    size_t width = length_of(printable(table.columns[i].title));
    for (const auto& row : table.rows) width = std::max(width, length_of(shown(row[i])));
    widths.push_back(width);
  }
  std::string text = table.caption.empty() ? "" : printable(table.caption) + "\n";
  const auto add_line = [&](const auto& cell_text) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i)
      line += (i > 0 ? "  " : "") + padded(cell_text(i), widths[i], table.columns[i].is_number);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  };
  add_line([&](size_t i) { return printable(table.columns[i].title); });
  for (const auto& row : table.rows) add_line([&](size_t i) { return shown(row[i]); });
  return text;
}

}  // namespace

bool Section::has_text(bool with_details) const {
  return !paragraphs.empty() || !points.empty() ||
         std::ranges::any_of(tables,
                             [&](const Table& table) { return with_details || !table.is_detail; });
}

std::string to_text(const Page& page) {
  std::string text;
  for (const Section& section : page.sections) {
    if (!section.has_text(false)) continue;
    if (!text.empty()) text += '\n';
    text += printable(section.title) + "\n";
    for (const std::string& paragraph : section.paragraphs) text += wrapped(paragraph);
    for (const Table& table : section.tables)
      if (!table.is_detail) text += table_text(table);
    for (const std::string& point : section.points) text += wrapped("- " + point, "  ");
  }
  return text;
}

}  // namespace anemone::report
