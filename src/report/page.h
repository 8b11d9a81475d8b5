#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "anemone/report.h"
#include "report/plot.h"

namespace anemone::report {

/// What a cell says about its number.
enum class Tone : uint8_t { plain, good, bad, missing, predicted };

struct Cell {
  std::string text;
  std::string origin;  ///< where the number stands; shown on a page when pointed at.
  Tone tone = Tone::plain;
};

struct Column {
  std::string title;
  bool is_number = false;
};

struct Table {
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  ///< each as long as `columns`.
  bool is_detail = false;               ///< left out on a terminal.
};

struct Section {
  std::string title;
  std::vector<std::string> paragraphs;
  std::vector<Plot> plots;  ///< shown on a page only: their numbers stand in tables.
  std::vector<Table> tables;
  std::vector<std::string> points;  ///< a list.
  /// Whether anything of it stands in a form without plots.
  bool has_text(bool with_details) const;
};

/// A report before it has a form.
struct Page {
  std::string title;
  std::string subtitle;
  std::vector<Section> sections;
};

std::string to_text(const Page& page);
std::string to_markdown(const Page& page);
std::string to_html(const Page& page);
std::string written(const Page& page, Format format);

/// Text as HTML shows it, also inside quotes. What is no UTF-8 and control characters become
/// U+FFFD.
std::string html_escaped(std::string_view text);
/// The same for a terminal: no control characters, so no escape sequences.
std::string printable(std::string_view text);

}  // namespace anemone::report
