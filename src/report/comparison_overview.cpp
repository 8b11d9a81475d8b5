#include <fmt/format.h>

#include <algorithm>

#include "report/comparison_page.h"
#include "report/number_text.h"

namespace anemone::report {
namespace {

using compare::Comparison;
using compare::Figure;
using compare::Measure;
using compare::ScoreRow;
using compare::Unit;

/// What of a benchmark stands in the overview.
bool is_leading(const Measure& measure) {
  return measure.name == "decode_tokens_per_second" || measure.name == "first_token_warm_seconds" ||
         measure.name == "peak_rss_bytes" || measure.name == "joules_per_token";
}

std::vector<const Measure*> shown_measures(const Comparison& found) {
  std::vector<const Measure*> shown;
  for (const Measure& measure : found.measures)
    if (measure.group.empty() || (measure.group == found.configuration && is_leading(measure)))
      shown.push_back(&measure);
  return shown;
}

Cell with_difference(const ScoreRow& row, size_t subject, const Comparison& found) {
  Cell cell = figure_cell(row.figures[subject], Unit::none, found.sources);
  const compare::Difference& difference = row.differences[subject];
  if (subject > 0 && difference.value) {
    cell.text += " (" + signed_text(*difference.value);
    if (difference.is_partial())
      cell.text += fmt::format(" over the {} of both", *difference.tested);
    cell.text += ")";
    cell.origin += "; difference: " + origin_text(difference.origins, found.sources);
  }
  if (difference.verdict == compare::Verdict::better) cell.tone = Tone::good;
  if (difference.verdict == compare::Verdict::worse) cell.tone = Tone::bad;
  return cell;
}

/// Quality against `measure`, a point for each subject; for the first two scores.
void add_scatter(const Measure& measure, const std::string& axis, double scale,
                 const std::vector<const ScoreRow*>& scores, const Comparison& found,
                 Section& section) {
  for (size_t k = 0; k < std::min<size_t>(scores.size(), 2); ++k) {
    const ScoreRow& row = *scores[k];
    Plot plot;
    plot.kind = Plot::Kind::scatter;
    plot.title = fmt::format("{} against {}", row.alias, measure.title);
    plot.x_title = axis;
    plot.y_title = metric_title(row);
    plot.y_from_zero = false;
    bool has_error = false;
    PlotSeries measured{"measured", {}, false};
    PlotSeries predicted{"predicted", {}, true};
    for (size_t i = 0; i < found.subjects.size(); ++i) {
      const Figure& x = measure.figures[i];
      const Figure& y = row.figures[i];
      if (!x.value || !y.value) continue;
      PlotPoint point{*x.value * scale, *y.value, {}, {}, found.subjects[i].label, {}};
      if (y.standard_error) {
        has_error = true;
        point.low = *y.value - *y.standard_error;
        point.high = *y.value + *y.standard_error;
      }
      const char* how = x.predicted ? " predicted" : "";
      point.label += how;
      point.tip = fmt::format("{}: {}{}, {} {}", found.subjects[i].label,
                              number_text(*x.value, measure.unit), how, row.metric,
                              number_text(*y.value, Unit::none));
      plot.description += (plot.description.empty() ? "" : "; ") + point.tip;
      (x.predicted ? predicted : measured).points.push_back(std::move(point));
    }
    if (measured.points.size() + predicted.points.size() < 2) continue;
    if (has_error) plot.y_title += ", with one standard error";
    for (PlotSeries* series : {&measured, &predicted})
      if (!series->points.empty()) plot.series.push_back(std::move(*series));
    section.plots.push_back(std::move(plot));
  }
}

}  // namespace

Section overview_section(const Comparison& found) {
  Section section{"Size, speed and quality", {}, {}, {}, {}};
  Table table{"", {{"measure"}}, {}};
  for (const compare::Subject& subject : found.subjects)
    table.columns.push_back({subject.label, true});
  const auto shown = shown_measures(found);
  const auto scores = leading_scores(found);
  for (const Measure* measure : shown) {
    std::vector<Cell> row = {{measure->title}};
    for (size_t i = 0; i < found.subjects.size(); ++i)
      row.push_back(ratio_cell(*measure, i, found, false));
    table.rows.push_back(std::move(row));
  }
  constexpr size_t kMostScores = 12;
  for (size_t k = 0; k < std::min(scores.size(), kMostScores); ++k) {
    std::vector<Cell> row = {{scores[k]->alias + " " + metric_title(*scores[k])}};
    for (size_t i = 0; i < found.subjects.size(); ++i)
      row.push_back(with_difference(*scores[k], i, found));
    table.rows.push_back(std::move(row));
  }
  if (table.rows.empty()) return section;
  if (!found.configuration.empty())
    section.paragraphs.push_back("Speeds of generation are those of the configuration " +
                                 found.configuration + ".");
  section.tables.push_back(std::move(table));
  for (const Measure* measure : shown) {
    if (measure->name == "weight_bytes")
      add_scatter(*measure, "weights, MB", 1e-6, scores, found, section);
    if (measure->name == "decode_tokens_per_second")
      add_scatter(*measure, "decoding, tokens per second", 1, scores, found, section);
  }
  return section;
}

}  // namespace anemone::report
