#include "report/comparison_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "anemone/report.h"
#include "report/number_text.h"

namespace anemone::report {

using compare::Comparison;
using compare::ScoreRow;

std::string metric_title(const ScoreRow& row) {
  std::string title = row.metric;
  if (row.filter != "none" && !row.filter.empty()) title += ", " + row.filter;
  if (row.higher_is_better) title += *row.higher_is_better ? " ↑" : " ↓";
  return title;
}

Cell ratio_cell(const compare::Measure& measure, size_t subject, const Comparison& found,
                bool with_interval) {
  Cell cell = figure_cell(measure.figures[subject], measure.unit, found.sources);
  const compare::Figure& ratio = measure.ratios[subject];
  if (!ratio.value) return cell;
  cell.origin = "figure and ratio: " + origin_text(ratio.origins, found.sources);
  cell.text += " (" + ratio_text(*ratio.value);
  if (with_interval && ratio.interval)
    cell.text += fmt::format(", {} to {}", ratio_text(ratio.interval->low),
                             ratio_text(ratio.interval->high));
  cell.text += ")";
  return cell;
}

std::vector<const ScoreRow*> leading_scores(const Comparison& found) {
  const auto rank = [](const ScoreRow& row) {
    const std::vector<std::string> order = {"acc", "acc_norm", "exact_match", "word_perplexity"};
    return std::ranges::find(order, row.metric) - order.begin();
  };
  std::vector<const ScoreRow*> leading;
  for (const ScoreRow& row : found.scores) {
    if (row.is_group) continue;
    const auto same = std::ranges::find_if(
        leading, [&](const ScoreRow* other) { return other->task == row.task; });
    if (same == leading.end())
      leading.push_back(&row);
    else if (rank(row) < rank(**same))
      *same = &row;
  }
  return leading;
}

Section sources_section(const Comparison& found) {
  Section section{"Sources", {}, {}, {}, {}};
  section.paragraphs.push_back(
      "Every number above was read from one of these files, or computed from numbers there; a page "
      "names file and key when a cell is pointed at, JSON names them beside each number.");
  Table table{"",
              {{"run"},
               {"file"},
               {"kind"},
               {"written by"},
               {"model"},
               {"numerics"},
               {"machine"},
               {"model hash"},
               {"SHA-256 of the file"}},
              {}};
  for (const compare::Subject& subject : found.subjects)
    for (const size_t index : subject.sources) {
      const compare::Source& source = found.sources[index];
      const auto text = [](const std::string& words) {
        return words.empty() ? missing_cell() : Cell{words};
      };
      table.rows.push_back({{subject.label},
                            {source.path.string()},
                            {to_string(source.kind)},
                            text(source.tool),
                            text(source.model),
                            text(source.numerics + (source.simulated ? " (simulated)" : "")),
                            text(source.machine),
                            text(source.model_hash.substr(0, 23)),
                            {source.sha256.substr(0, 16)}});
    }
  section.tables.push_back(std::move(table));
  return section;
}

Page comparison_page(const Comparison& found) {
  Page page;
  page.title = "Comparison";
  std::string names;
  for (const compare::Subject& subject : found.subjects)
    names += (names.empty() ? "" : ", ") + subject.label;
  page.title += " of " + names;
  page.subtitle = fmt::format("{} is the reference: ratios and differences are from it.",
                              found.subjects[0].label);
  for (Section section : {overview_section(found), scores_section(found), samples_section(found),
                          benchmarks_section(found), lengths_section(found)})
    if (!section.tables.empty()) page.sections.push_back(std::move(section));
  if (!found.notes.empty()) page.sections.push_back({"What to know", {}, {}, {}, found.notes});
  page.sections.push_back(sources_section(found));
  return page;
}

std::string comparison(const Comparison& found, Format format) {
  return written(comparison_page(found), format);
}

}  // namespace anemone::report
