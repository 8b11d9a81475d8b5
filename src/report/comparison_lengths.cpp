#include <fmt/format.h>

#include "report/comparison_page.h"
#include "report/number_text.h"

namespace anemone::report {
namespace {

using compare::Comparison;
using compare::LengthBucket;
using compare::LengthTable;
using compare::Unit;

std::string range_text(const LengthBucket& bucket) {
  return bucket.to_words ? fmt::format("{} to {}", bucket.from_words, *bucket.to_words)
                         : fmt::format("{} and more", bucket.from_words);
}

Plot length_plot(const LengthTable& lengths, const Comparison& found) {
  Plot plot;
  plot.kind = Plot::Kind::bars;
  plot.title = fmt::format("{} {} by length", lengths.task, lengths.metric);
  plot.x_title = lengths.metric;
  for (const compare::Subject& subject : found.subjects) plot.parts.push_back(subject.label);
  for (const LengthBucket& bucket : lengths.buckets) {
    PlotBar bar{
        fmt::format("{} words ({} documents)", range_text(bucket), bucket.documents), {}, {}, {}};
    plot.description += (plot.description.empty() ? "" : "; ") + bar.name;
    for (const compare::Figure& figure : bucket.figures) {
      bar.values.push_back(figure.value);
      plot.description +=
          " " + (figure.value ? number_text(*figure.value, Unit::none) : std::string("n/a"));
    }
    plot.bars.push_back(std::move(bar));
  }
  return plot;
}

}  // namespace

Section lengths_section(const Comparison& found) {
  Section section{"Quality by length", {}, {}, {}, {}};
  for (const LengthTable& lengths : found.lengths) {
    Table table{
        fmt::format("{} {}, by words of the {}", lengths.task, lengths.metric, lengths.measured),
        {{"words"}, {"documents", true}},
        {}};
    for (const compare::Subject& subject : found.subjects)
      table.columns.push_back({subject.label, true});
    for (size_t i = 1; i < found.subjects.size(); ++i) {
      table.columns.push_back({"difference, " + found.subjects[i].label, true});
      table.columns.push_back(
          {fmt::format("{:g} % interval", found.bootstrap.confidence * 100), true});
    }
    for (const LengthBucket& bucket : lengths.buckets) {
      std::vector<Cell> row = {
          {range_text(bucket)},
          traced_cell(std::to_string(bucket.documents), bucket.figures[0].origins, found.sources)};
      for (const compare::Figure& figure : bucket.figures)
        row.push_back(figure_cell(figure, Unit::none, found.sources));
      for (size_t i = 1; i < bucket.differences.size(); ++i) {
        const compare::Figure& each = bucket.differences[i];
        const auto traced = [&](std::string text) {
          return traced_cell(std::move(text), each.origins, found.sources);
        };
        row.push_back(each.value ? traced(signed_text(*each.value)) : missing_cell());
        row.push_back(each.interval ? traced(interval_text(*each.interval, true)) : missing_cell());
      }
      table.rows.push_back(std::move(row));
    }
    section.tables.push_back(std::move(table));
    if (lengths.buckets.size() > 1) section.plots.push_back(length_plot(lengths, found));
  }
  return section;
}

}  // namespace anemone::report
