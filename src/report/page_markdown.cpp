#include "report/page.h"

namespace anemone::report {
namespace {

/// Text that Markdown takes as it stands, also in a table.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (std::string_view("\\`*_[]<>|#~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string table_markdown(const Table& table) {
  std::string text = table.caption.empty() ? "" : escaped(table.caption) + "\n\n";
  std::string rule;
  text += '|';
  for (const Column& column : table.columns) {
    text += ' ' + escaped(column.title) + " |";
    rule += column.is_number ? " ---: |" : " --- |";
  }
  text += "\n|" + rule + '\n';
  for (const auto& row : table.rows) {
    text += '|';
    for (const Cell& cell : row)
      text +=
          ' ' + escaped(cell.text) + (cell.tone == Tone::predicted ? " *predicted*" : "") + " |";
    text += '\n';
  }
  return text;
}

}  // namespace

std::string to_markdown(const Page& page) {
  std::string text = "# " + escaped(page.title) + "\n";
  if (!page.subtitle.empty()) text += "\n" + escaped(page.subtitle) + "\n";
  for (const Section& section : page.sections) {
    if (!section.has_text(true)) continue;
    text += "\n## " + escaped(section.title) + "\n";
    for (const std::string& paragraph : section.paragraphs)
      text += "\n" + escaped(paragraph) + "\n";
    for (const Table& table : section.tables) text += "\n" + table_markdown(table);
    if (!section.points.empty()) text += '\n';
    for (const std::string& point : section.points) text += "- " + escaped(point) + "\n";
  }
  return text;
}

}  // namespace anemone::report
