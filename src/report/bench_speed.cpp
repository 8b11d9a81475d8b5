#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "report/bench_page.h"
#include "report/number_text.h"

namespace anemone::report {
namespace {

using compare::Unit;

/// Whether blocks differ by context alone, as those of a checkpoint do whose contexts are short.
bool blocks_follow_from_contexts(const BenchDocument& document) {
  std::map<double, double> blocks;
  for (size_t i = 0; i < document.configurations(); ++i) {
    const std::string place = configuration_place(i);
    const auto context = document.number(place + "/context_tokens");
    const auto block = document.number(place + "/prefill_block_tokens");
    if (context && block && blocks.emplace(*context, *block).first->second != *block) return false;
  }
  return true;
}

/// "units=cpu threads=2" of a name, which a line of a plot has: without its context, and without
/// its block where that follows from the context.
std::string group_of(const std::string& name, bool has_block) {
  std::string group;
  std::istringstream words(name);
  for (std::string word; words >> word;)
    if (!word.starts_with("context=") && (has_block || !word.starts_with("prefill=")))
      group += (group.empty() ? "" : " ") + word;
  return group.empty() ? "all configurations" : group;
}

/// Adds a point of a series to the line of its group.
void add_point(const BenchDocument& document, size_t configuration, const std::string& series,
               double scale, const std::string& name, Plot& plot) {
  const std::string place = configuration_place(configuration);
  const auto x = document.number(place + "/context_tokens");
  const auto y = document.number(place + series + "/summary/median");
  if (!x || !y || *x <= 0) return;
  PlotPoint point{*x, *y * scale, {}, {}, {}, {}};
  const auto low = document.number(place + series + "/summary/ci95/0");
  const auto high = document.number(place + series + "/summary/ci95/1");
  if (low && high) {
    point.low = *low * scale;
    point.high = *high * scale;
  }
  point.tip = fmt::format("{}, context {:.0f}: {:.4g}", name, *x, point.y);
  plot.description += (plot.description.empty() ? "" : "; ") + point.tip;
  auto line = std::ranges::find_if(plot.series, [&](const auto& s) { return s.name == name; });
  if (line == plot.series.end()) line = plot.series.insert(line, PlotSeries{name, {}, false});
  line->points.push_back(std::move(point));
}

Plot empty_plot(const BenchDocument& document, std::string title, std::string unit) {
  Plot plot;
  plot.title = std::move(title);
  plot.x_title = "context, tokens";
  plot.y_title = std::move(unit) + ", median with " + document.confidence() + " interval";
  return plot;
}

/// Of one context a bar each: a line of one point has an axis without a meaning.
Plot as_bars(Plot lines) {
  const double context = lines.series.front().points.front().x;
  const auto is_there = [&](const PlotPoint& point) { return point.x == context; };
  for (const PlotSeries& series : lines.series)
    if (!std::ranges::all_of(series.points, is_there)) return lines;
  Plot bars;
  bars.kind = Plot::Kind::bars;
  bars.title = fmt::format("{}, context {:.0f}", lines.title, context);
  bars.description = std::move(lines.description);
  bars.x_title = std::move(lines.y_title);
  for (const PlotSeries& series : lines.series)
    for (const PlotPoint& point : series.points) {
      PlotBar bar{.name = series.name, .values = {}, .low = {}, .high = {}};
      bar.add(point.y, point.low, point.high);
      bars.bars.push_back(std::move(bar));
    }
  return bars;
}

Table growth_table(const BenchDocument& document) {
  Table table{
      "Growth with the context, a straight line through the medians",
      {{"time"}, {"group"}, {"at no context", true}, {"each 100 tokens", true}, {"r²", true}},
      {}};
  const eval::Value fits = document.root().value("scaling", eval::Value::array());
  for (size_t i = 0; i < fits.size(); ++i) {
    const std::string place = fmt::format("/scaling/{}", i);
    const bool is_below = document.number(place + "/intercept").value_or(0) < 0;
    table.rows.push_back(
        {{document.text(place + "/metric") == "step_ns" ? "step" : "first token"},
         {document.text(place + "/group")},
         is_below ? Cell{"n/a (below 0)", document.origin(place + "/intercept"), Tone::missing}
                  : document.cell(place + "/intercept", Unit::seconds, 1e-9),
         document.cell(place + "/slope", Unit::seconds, 1e-7),
         document.cell(place + "/r2", Unit::none)});
  }
  return table;
}

}  // namespace

Section bench_speed(const BenchDocument& document) {
  Section section{"Speed against context", {}, {}, {}, {}};
  Plot decode = empty_plot(document, "Decoding", "tokens per second");
  Plot prompt = empty_plot(document, "Prompt", "tokens per second");
  Plot step = empty_plot(document, "Time of a step", "ms");
  Plot warm = empty_plot(document, "Time to the first token, warm", "ms");
  Plot cold = empty_plot(document, "Time to the first token, cold", "ms");
  Plot cached = empty_plot(document, "Time to the first token, prompt cached", "ms");
  const bool has_block = !blocks_follow_from_contexts(document);
  for (size_t i = 0; i < document.configurations(); ++i) {
    if (!document.has_numbers(i)) continue;
    const std::string group = group_of(document.short_name(i), has_block);
    add_point(document, i, "/decode_tokens_per_second", 1, group, decode);
    add_point(document, i, "/prefill_tokens_per_second", 1, group, prompt);
    add_point(document, i, "/step_ns", 1e-6, group, step);
    add_point(document, i, "/first_token_ns/warm", 1e-6, group, warm);
    add_point(document, i, "/first_token_ns/cold", 1e-6, group, cold);
    add_point(document, i, "/first_token_ns/cached", 1e-6, group, cached);
  }
  for (Plot* plot : {&decode, &prompt, &step, &warm, &cold, &cached}) {
    // Lines read from left to right.
    for (PlotSeries& series : plot->series)
      std::ranges::stable_sort(series.points, {}, &PlotPoint::x);
    if (!plot->series.empty()) section.plots.push_back(as_bars(std::move(*plot)));
  }
  Table growth = growth_table(document);
  if (!growth.rows.empty()) section.tables.push_back(std::move(growth));
  return section;
}

}  // namespace anemone::report
