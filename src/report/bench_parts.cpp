#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "report/bench_page.h"
#include "report/canvas.h"
#include "report/number_text.h"

namespace anemone::report {

using compare::Unit;

namespace {

/// What the document's peaks are peaks of.
const char* peak_words(const BenchDocument& document) {
  std::vector<bool> own;
  for (size_t i = 0; i < document.configurations(); ++i) {
    const eval::Value::json_pointer place(configuration_place(i) + "/memory/peak_is_own");
    if (!document.has_numbers(i)) continue;
    if (!document.root().contains(place) || !document.root().at(place).is_boolean()) return "peak";
    own.push_back(document.root().at(place).get<bool>());
  }
  if (own.empty() || std::ranges::count(own, own.front()) != std::ssize(own)) return "peak";
  return own.front() ? "peak of the configuration" : "peak of the process";
}

/// Whether the run was asked for this of --quality. Older documents do not say.
bool asks_for(const BenchDocument& document, const char* kind) {
  const eval::Value::json_pointer place("/settings/quality");
  return document.root().contains(place) && document.root().at(place).is_array() &&
         std::ranges::count(document.root().at(place), eval::Value(kind)) > 0;
}

/// Without the columns that say nothing in any row, but for those that were asked for.
void drop_empty_columns(Table& table, const std::vector<std::string>& asked) {
  for (size_t i = table.columns.size(); i-- > 0;) {
    if (std::ranges::count(asked, table.columns[i].title) > 0) continue;
    if (!std::ranges::all_of(table.rows,
                             [&](const auto& row) { return row[i].tone == Tone::missing; }))
      continue;
    const auto place = static_cast<std::ptrdiff_t>(i);
    table.columns.erase(table.columns.begin() + place);
    for (auto& row : table.rows) row.erase(row.begin() + place);
  }
}

constexpr const char* kPerplexity = "perplexity of a token";
constexpr const char* kExact = "typos, exact";
constexpr const char* kWordErrors = "word error rate";
constexpr const char* kF05 = "F0.5";
constexpr const char* kMatch = "match with the reference";

std::vector<std::string> asked_columns(const BenchDocument& document) {
  std::vector<std::string> asked;
  if (asks_for(document, "perplexity")) asked.emplace_back(kPerplexity);
  if (asks_for(document, "typos")) asked.insert(asked.end(), {kExact, kWordErrors, kF05});
  for (size_t i = 0; i < document.configurations(); ++i)
    if (!document.text(configuration_place(i) + "/outputs/reference_reason").empty())
      asked.emplace_back(kMatch);
  return asked;
}

/// That scores are of requests which the context was too short for.
void add_truncations(const BenchDocument& document, size_t configuration, Section& section) {
  const std::string place = configuration_place(configuration) + "/quality/truncated_requests";
  const eval::Value::json_pointer tasks(place);
  if (!document.root().contains(tasks) || !document.root().at(tasks).is_object()) return;
  for (const auto& [task, requests] : document.root().at(tasks).items())
    if (const auto number = document.number(place + "/" + task))
      section.points.push_back(
          fmt::format("{}: {}: {:.0f} request{} did not fit the context and lost the beginning.",
                      document.short_name(configuration), task, *number, *number == 1 ? "" : "s"));
}

/// As many as there are colours.
constexpr size_t kMostCurves = kSeriesColors;

/// With its end and its highest point for those who cannot see it.
void add_curve(PlotSeries line, Plot& plot) {
  const double most = std::ranges::max_element(line.points, {}, &PlotPoint::y)->y;
  plot.description += fmt::format("{}{}: {:.3g} MB after {:.3g} s, at most {:.3g} MB",
                                  plot.description.empty() ? "" : "; ", line.name,
                                  line.points.back().y, line.points.back().x, most);
  plot.series.push_back(std::move(line));
}

/// With one standard error of a share of so many corrections.
PlotPoint exact_point(double speed, double exact, const std::optional<double>& corrections) {
  PlotPoint point{speed, exact, {}, {}, {}, {}};
  if (!corrections || *corrections < 1 || exact < 0 || exact > 1) return point;
  const double error = std::sqrt(exact * (1 - exact) / *corrections);
  point.low = std::max(0.0, exact - error);
  point.high = std::min(1.0, exact + error);
  return point;
}

}  // namespace

Section bench_stages(const BenchDocument& document) {
  constexpr const char* kStages[] = {"tokenize", "embed",  "prefill", "step",
                                     "head",     "sample", "other"};
  Section section{"Where the time goes", {}, {}, {}, {}};
  Plot plot;
  plot.kind = Plot::Kind::stacked;
  plot.title = "Stages of a request";
  plot.x_title = "ms";
  Table table{"", {{"configuration"}}, {}};
  for (const char* stage : kStages) {
    plot.parts.emplace_back(stage);
    table.columns.push_back({stage, true});
  }
  table.columns.push_back({"sum", true});
  table.columns.push_back({"by the clock", true});
  table.columns.push_back({"tokenizer's share of a warm first token", true});
  for (size_t i = 0; i < document.configurations(); ++i) {
    const std::string place = configuration_place(i) + "/stages";
    if (!document.has_numbers(i) || !document.number(place + "/total_ns")) continue;
    const std::string id = document.short_name(i);
    PlotBar bar{id, {}, {}, {}};
    std::vector<Cell> row = {{id}};
    for (const char* stage : kStages) {
      const std::string part = place + "/" + stage;
      const auto value = document.number(part);
      bar.values.push_back(value ? std::optional(*value * 1e-6) : std::nullopt);
      row.push_back(document.cell(part, Unit::seconds, 1e-9));
      if (value) plot.description += fmt::format("{} {}: {:.3g} ms; ", id, stage, *value * 1e-6);
    }
    row.push_back(document.cell(place + "/sum_ns", Unit::seconds, 1e-9));
    row.push_back(document.cell(place + "/total_ns", Unit::seconds, 1e-9));
    row.push_back(
        document.cell(configuration_place(i) + "/first_token_ns/tokenizer_share", Unit::share));
    plot.bars.push_back(std::move(bar));
    table.rows.push_back(std::move(row));
    if (const std::string note = document.text(place + "/note"); !note.empty())
      section.points.push_back(id + ": " + note);
  }
  if (plot.bars.empty()) return section;
  section.plots.push_back(std::move(plot));
  section.tables.push_back(std::move(table));
  return section;
}

Section bench_memory(const BenchDocument& document) {
  Section section{"Memory", {}, {}, {}, {}};
  Plot plot;
  plot.kind = Plot::Kind::bars;
  plot.title = "Memory";
  plot.x_title = "MB";
  const std::string peak = peak_words(document);
  plot.parts = {"weights", "state", peak};
  Table table{"", {{"configuration"}, {"weights", true}, {"state", true}, {peak, true}}, {}};
  std::string left_out;
  Plot series;
  series.title = "Memory of the process over time";
  series.x_title = "seconds";
  series.y_title = "MB";
  for (size_t i = 0; i < document.configurations(); ++i) {
    if (!document.has_numbers(i)) continue;
    const std::string id = document.short_name(i);
    const std::string place = configuration_place(i) + "/memory";
    PlotBar bar{id, {}, {}, {}};
    std::vector<Cell> row = {{id}};
    for (const char* key : {"/weights_bytes", "/state_bytes", "/peak_rss_bytes"}) {
      row.push_back(document.cell(place + key, Unit::bytes));
      const auto value = document.number(place + key);
      bar.values.push_back(value ? std::optional(*value * 1e-6) : std::nullopt);
      plot.description +=
          fmt::format("{}{}: {}; ", id, key, value ? number_text(*value, Unit::bytes) : "n/a");
    }
    plot.bars.push_back(std::move(bar));
    table.rows.push_back(std::move(row));
    const eval::Value::json_pointer at(place + "/series");
    if (!document.root().contains(at)) continue;
    PlotSeries line{id, {}, false};
    for (size_t k = 0; k < document.root().at(at).size(); ++k) {
      const std::string point = fmt::format("{}/series/{}", place, k);
      const auto x = document.number(point + "/at_ns");
      const auto y = document.number(point + "/rss_bytes");
      if (x && y) line.points.push_back({*x * 1e-9, *y * 1e-6, {}, {}, {}, {}});
    }
    if (line.points.size() < 2) continue;
    if (series.series.size() < kMostCurves)
      add_curve(std::move(line), series);
    else
      left_out += (left_out.empty() ? "" : ", ") + id;
  }
  if (!plot.bars.empty()) section.plots.push_back(std::move(plot));
  if (!table.rows.empty()) section.tables.push_back(std::move(table));
  series.has_markers = false;
  if (!left_out.empty())
    section.points.push_back(fmt::format(
        "Memory over time has the curves of the first {} configurations, as many as have colours "
        "of their own; without one: {}.",
        kMostCurves, left_out));
  if (!series.series.empty()) section.plots.push_back(std::move(series));
  return section;
}

Section bench_quality(const BenchDocument& document) {
  Section section{"Quality beside speed", {}, {}, {}, {}};
  Table table{"",
              {{"configuration"},
               {"decoding", true},
               {kPerplexity, true},
               {kExact, true},
               {kWordErrors, true},
               {kF05, true},
               {kMatch, true},
               {"answers repeat"},
               {"as on the CPU"},
               {"PSNR to the CPU's logits, dB", true}},
              {}};
  Plot plot;
  plot.kind = Plot::Kind::scatter;
  plot.title = "Typos corrected against speed";
  plot.x_title = "decoding, tokens per second";
  plot.y_title = "exact match, with one standard error";
  plot.y_from_zero = false;
  size_t points = 0;
  for (size_t i = 0; i < document.configurations(); ++i) {
    if (!document.has_numbers(i)) continue;
    const std::string place = configuration_place(i);
    const std::string id = document.short_name(i);
    const eval::Value::json_pointer notes(place + "/execution/notes");
    for (size_t k = 0; document.root().contains(notes) && k < document.root().at(notes).size();
         ++k) {
      const std::string note = document.text(fmt::format("{}/execution/notes/{}", place, k));
      if (std::ranges::none_of(section.points, [&](const auto& p) { return p.ends_with(note); }))
        section.points.push_back(id + ": " + note);
    }
    for (const char* reason : {"/quality_reason", "/outputs/reference_reason",
                               "/outputs/beside_cpu_reason", "/stages_reason"})
      if (const std::string text = document.text(place + reason); !text.empty())
        section.points.push_back(id + ": n/a: " + text);
    add_truncations(document, i, section);
    const std::string speed = place + "/decode_tokens_per_second/summary/median";
    const std::string exact = place + "/quality/typos/exact";
    table.rows.push_back({{id},
                          document.cell(speed, Unit::tokens_per_second),
                          document.cell(place + "/quality/perplexity/token", Unit::none),
                          document.cell(exact, Unit::share),
                          document.cell(place + "/quality/typos/wer", Unit::share),
                          document.cell(place + "/quality/typos/f05", Unit::share),
                          document.cell(place + "/outputs/reference/match_rate", Unit::share),
                          document.word_cell(place + "/outputs/repeatable"),
                          document.word_cell(place + "/outputs/equal_to_cpu"),
                          document.bare_cell(place + "/outputs/beside_cpu/psnr_db", 1)});
    const auto x = document.number(speed);
    const auto y = document.number(exact);
    if (!x || !y) continue;
    PlotPoint point = exact_point(*x, *y, document.number(place + "/quality/typos/n"));
    point.label = id;
    point.tip = fmt::format("{}: {:.0f} tokens/s, {:.3f}", id, *x, *y);
    plot.description += point.tip + "; ";
    // A colour each compression.
    const std::string scheme = document.text(place + "/quantize");
    const std::string name = scheme.empty() ? "own weights" : scheme;
    auto series =
        std::ranges::find_if(plot.series, [&](const auto& one) { return one.name == name; });
    if (series == plot.series.end())
      series = plot.series.insert(series, PlotSeries{name, {}, false});
    series->points.push_back(std::move(point));
    ++points;
  }
  if (points > 1) section.plots.push_back(std::move(plot));
  drop_empty_columns(table, asked_columns(document));
  if (!table.rows.empty()) section.tables.push_back(std::move(table));
  return section;
}

}  // namespace anemone::report
