#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

#include "report/bench_page.h"
#include "report/number_text.h"

namespace anemone::report {

using compare::Unit;

Section bench_summary(const BenchDocument& document) {
  Section section{"Configurations", {}, {}, {}, {}};
  Table table{"",
              {{"configuration"},
               {"decoding, tokens/s", true},
               {"prompt, tokens/s", true},
               {"first token warm, ms", true},
               {"cold, ms", true},
               {"cached, ms", true}},
              {}};
  Table resources{"",
                  {{"configuration"},
                   {"peak memory, MB", true},
                   {"energy, J a token", true},
                   {"of the memory floor, %", true}},
                  {}};
  bool was_stopped = false;
  size_t fewest_visits = std::numeric_limits<size_t>::max();
  size_t most_visits = 0;
  for (size_t i = 0; i < document.configurations(); ++i) {
    const std::string place = configuration_place(i);
    const std::string id = document.text(place + "/id");
    if (!document.has_numbers(i)) {
      std::vector<Cell> row = {{id}};
      row.push_back({document.text(place + "/status") + ": " + document.text(place + "/reason"), "",
                     Tone::missing});
      row.resize(table.columns.size(), missing_cell());
      table.rows.push_back(std::move(row));
      continue;
    }
    const bool is_part = document.text(place + "/status") == "interrupted";
    was_stopped = was_stopped || is_part;
    size_t visits = 0;
    while (document.number(fmt::format("{}/visits/{}/requests", place, visits))) ++visits;
    fewest_visits = std::min(fewest_visits, visits);
    most_visits = std::max(most_visits, visits);
    table.rows.push_back({{is_part ? id + ", interrupted" : id},
                          document.series_cell(place + "/decode_tokens_per_second", 1),
                          document.series_cell(place + "/prefill_tokens_per_second", 1),
                          document.series_cell(place + "/first_token_ns/warm", 1e-6),
                          document.series_cell(place + "/first_token_ns/cold", 1e-6),
                          document.series_cell(place + "/first_token_ns/cached", 1e-6)});
    resources.rows.push_back({{document.short_name(i)},
                              document.bare_cell(place + "/memory/peak_rss_bytes", 1e-6),
                              document.bare_cell(place + "/energy/joules_per_token", 1),
                              document.bare_cell(place + "/floor/share", 100)});
  }
  section.paragraphs.push_back("Medians, with their " + document.confidence() +
                               " intervals by resampling.");
  if (most_visits > 1)
    section.paragraphs.push_back(fmt::format(
        "Every configuration was measured in {} visits, every other one in the opposite order.",
        fewest_visits == most_visits ? std::to_string(most_visits)
                                     : fmt::format("{} to {}", fewest_visits, most_visits)));
  if (was_stopped)
    section.paragraphs.emplace_back(
        "The run was stopped. Of an interrupted configuration these are the requests that were "
        "done; they decide nothing.");
  section.tables.push_back(std::move(table));
  if (!resources.rows.empty()) section.tables.push_back(std::move(resources));
  const std::string best = document.text("/best/id");
  if (!best.empty()) {
    section.paragraphs.push_back("Best: " + best + ": " + document.text("/best/why") +
                                 ". Rule: " + document.text("/best/rule") + ".");
  }
  return section;
}

Section bench_predictions(const BenchDocument& document) {
  Section section{"Predicted for the Neural Engine", {}, {}, {}, {}};
  Table table{"",
              {{"configuration"},
               {"chip"},
               {"decoding, all on the engine", true},
               {"first token, all on the engine", true},
               {"share of time on the engine", true},
               {"source"}},
              {}};
  for (size_t i = 0; i < document.configurations(); ++i) {
    const std::string place = configuration_place(i);
    const eval::Value::json_pointer list(place + "/predicted");
    if (!document.root().contains(list) || !document.root().at(list).is_array()) continue;
    for (size_t k = 0; k < document.root().at(list).size(); ++k) {
      const std::string at = fmt::format("{}/predicted/{}", place, k);
      table.rows.push_back(
          {{document.text(place + "/id")},
           {document.text(at + "/chip")},
           document.cell(at + "/decode_tokens_per_second", Unit::tokens_per_second, 1, true),
           document.cell(at + "/first_token_ns", Unit::seconds, 1e-9, true),
           document.cell(at + "/residency", Unit::share, 1, true),
           {document.text(at + "/source")}});
    }
  }
  if (table.rows.empty()) return section;
  section.paragraphs.push_back(
      "Computed from published constants, not measured: speeds and times if the Neural Engine runs "
      "all "
      "of the model. The share of time on the engine says how far it does.");
  section.tables.push_back(std::move(table));
  return section;
}

namespace {

/// A ratio that is judged by its third digit.
Cell ratio_cell(const BenchDocument& document, const std::string& place) {
  const auto ratio = document.number(place);
  return ratio ? Cell{fmt::format("{:.3f}", *ratio), document.origin(place)} : missing_cell();
}

/// "1.012 (0.98 to 1.04)"; a bound that no number holds is null in the document.
Cell adjusted_cell(const BenchDocument& document, const std::string& place) {
  Cell cell = ratio_cell(document, place + "/adjusted_slowdown");
  if (cell.tone == Tone::missing) return cell;
  const auto bound = [&](const char* key) {
    const auto number = document.number(place + key);
    return number ? fmt::format("{:.3f}", *number) : std::string("no bound");
  };
  cell.text += fmt::format(" ({} to {})", bound("/adjusted_ci95/0"), bound("/adjusted_ci95/1"));
  return cell;
}

}  // namespace

Section bench_judgements(const BenchDocument& document) {
  Section section{"Against a baseline", {}, {}, {}, {}};
  Table table{"",
              {{"configuration"},
               {"metric"},
               {"baseline", true},
               {"now", true},
               {"slowdown", true},
               {"the machine's", true},
               {"without it, " + document.confidence() + " interval", true},
               {"verdict"}},
              {}};
  const eval::Value::json_pointer compared("/baseline/compared");
  const size_t rows = document.root().contains(compared) ? document.root().at(compared).size() : 0;
  for (size_t i = 0; i < rows; ++i) {
    const std::string place = fmt::format("/baseline/compared/{}", i);
    const std::string verdict = document.text(place + "/verdict");
    const std::string metric = document.text(place + "/metric");
    const bool is_time = metric.starts_with("first_token");
    const auto mean = [&](const char* key) {
      return document.cell(place + key, is_time ? Unit::seconds : Unit::tokens_per_second,
                           is_time ? 1e-9 : 1);
    };
    table.rows.push_back({{document.text(place + "/id")},
                          {metric},
                          mean("/baseline_visits_mean"),
                          mean("/visits_mean"),
                          ratio_cell(document, place + "/visits_slowdown"),
                          ratio_cell(document, place + "/machine_slowdown"),
                          adjusted_cell(document, place),
                          {verdict, "",
                           verdict == "slower"    ? Tone::bad
                           : verdict == "faster"  ? Tone::good
                           : verdict == "unclear" ? Tone::missing
                                                  : Tone::plain}});
  }
  if (const std::string reason = document.text("/baseline_reason"); !reason.empty())
    section.points.push_back("n/a: " + reason);
  if (document.text("/baseline/status").empty()) return section;
  section.paragraphs.push_back("Baseline " + document.text("/baseline/file") + ": " +
                               document.text("/baseline/status") + ".");
  if (const std::string rule = document.text("/baseline/rule"); !rule.empty())
    section.paragraphs.push_back(rule);
  const auto name_all = [&](const char* list, const char* words) {
    const eval::Value::json_pointer place(list);
    for (size_t i = 0; document.root().contains(place) && i < document.root().at(place).size(); ++i)
      section.points.push_back(document.text(fmt::format("{}/{}", list, i)) + words);
  };
  name_all("/baseline/missing", ": in the baseline, not measured here.");
  name_all("/baseline/lost", ": was asked for; the gate fails.");
  name_all("/baseline/other_artifacts", ": other packages, of as many bytes of weights.");
  const eval::Value::json_pointer sizes("/baseline/other_sizes");
  for (size_t i = 0; document.root().contains(sizes) && i < document.root().at(sizes).size(); ++i) {
    const std::string place = fmt::format("/baseline/other_sizes/{}", i);
    section.points.push_back(fmt::format(
        "{}: other packages, of {:.0f} bytes of weights, not {:.0f}.", document.text(place + "/id"),
        document.number(place + "/weight_bytes").value_or(0),
        document.number(place + "/baseline_weight_bytes").value_or(0)));
  }
  name_all("/baseline/remarks", "");
  if (!table.rows.empty()) section.tables.push_back(std::move(table));
  return section;
}

Section bench_provenance(const BenchDocument& document) {
  Section section{"How it was measured", {}, {}, {}, {}};
  Table table{"", {{"what"}, {"value"}}, {}};
  const auto add = [&](const char* what, const std::string& pointer) {
    const eval::Value::json_pointer place(pointer);
    std::string text;
    if (document.root().contains(place)) {
      const eval::Value& value = document.root().at(place);
      if (value.is_string())
        text = value.get<std::string>();
      else if (!value.is_null())
        text = value.dump(-1, ' ', false, eval::Value::error_handler_t::replace);
    }
    table.rows.push_back(
        {{what}, text.empty() ? missing_cell() : Cell{text, document.origin(pointer)}});
  };
  add("program", "/version");
  add("started", "/started");
  add("processor", "/machine/cpu");
  add("cores", "/machine/cores");
  add("system", "/machine/os");
  add("accelerator", "/machine/accelerator");
  add("model", "/model/name");
  add("architecture", "/model/architecture");
  add("hash of the model", "/model/hash");
  add("bytes of weights", "/model/weight_bytes");
  add("numerics", "/model/numerics");
  add("simulated arithmetic", "/model/simulated");
  add("repetitions", "/settings/repetitions");
  add("warm-up", "/settings/warmup");
  add("seed", "/settings/seed");
  add("prompt", "/settings/prompt");
  add("run to its end", "/complete");
  section.tables.push_back(std::move(table));
  return section;
}

}  // namespace anemone::report
