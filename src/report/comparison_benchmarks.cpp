#include <fmt/format.h>

#include <algorithm>

#include "report/comparison_page.h"
#include "report/number_text.h"

namespace anemone::report {
namespace {

using compare::Comparison;
using compare::Figure;
using compare::Measure;

Cell with_ratio(const Measure& measure, size_t subject, const Comparison& found) {
  Cell cell = ratio_cell(measure, subject, found, true);
  const Figure& ratio = measure.ratios[subject];
  // An interval that leaves out 1 shows a difference.
  if (ratio.value && ratio.interval && measure.higher_is_better && !ratio.interval->contains(1))
    cell.tone = (*ratio.value > 1) == *measure.higher_is_better ? Tone::good : Tone::bad;
  return cell;
}

Plot speed_bars(const std::vector<const Measure*>& speeds, const Comparison& found) {
  Plot plot;
  plot.kind = Plot::Kind::bars;
  plot.title = "Decoding speed by configuration";
  plot.x_title = "tokens per second, median with its interval";
  for (const compare::Subject& subject : found.subjects) plot.parts.push_back(subject.label);
  for (const Measure* measure : speeds) {
    PlotBar bar{measure->group, {}, {}, {}};
    plot.description += (plot.description.empty() ? "" : "; ") + measure->group;
    for (const Figure& figure : measure->figures) {
      if (figure.interval)
        bar.add(figure.value, figure.interval->low, figure.interval->high);
      else
        bar.add(figure.value, {}, {});
      plot.description +=
          " " + (figure.value ? number_text(*figure.value, measure->unit) : std::string("n/a"));
    }
    plot.bars.push_back(std::move(bar));
  }
  return plot;
}

}  // namespace

Section benchmarks_section(const Comparison& found) {
  Section section{"Benchmarks", {}, {}, {}, {}};
  std::vector<std::string> groups;
  for (const Measure& measure : found.measures)
    if (!measure.group.empty() && std::ranges::find(groups, measure.group) == groups.end())
      groups.push_back(measure.group);
  std::vector<const Measure*> speeds;
  for (const std::string& group : groups) {
    Table table{group, {{"measure"}}, {}};
    table.is_detail = group != found.configuration;
    for (const compare::Subject& subject : found.subjects)
      table.columns.push_back({subject.label, true});
    for (const Measure& measure : found.measures) {
      if (measure.group != group) continue;
      if (measure.name == "decode_tokens_per_second" && speeds.size() < 8)
        speeds.push_back(&measure);
      std::vector<Cell> row = {{measure.title}};
      for (size_t i = 0; i < found.subjects.size(); ++i)
        row.push_back(with_ratio(measure, i, found));
      table.rows.push_back(std::move(row));
    }
    section.tables.push_back(std::move(table));
  }
  if (section.tables.empty()) return section;
  section.paragraphs.push_back(
      fmt::format("Medians; ratios are to {}, with intervals by resampling both series ({:g} %).",
                  found.subjects[0].label, found.bootstrap.confidence * 100));
  if (groups.size() > 1)
    section.paragraphs.push_back(fmt::format(
        "{} configurations; a terminal shows one of them, other forms all.", groups.size()));
  if (!speeds.empty()) section.plots.push_back(speed_bars(speeds, found));
  return section;
}

}  // namespace anemone::report
