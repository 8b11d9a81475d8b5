#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "report/bench_page.h"
#include "report/number_text.h"

namespace anemone::report {
namespace {

using compare::Unit;

size_t length_of(const BenchDocument& document, const std::string& list) {
  const eval::Value::json_pointer place(list);
  return document.root().contains(place) && document.root().at(place).is_array()
             ? document.root().at(place).size()
             : 0;
}

/// "+1.2 %", and whether heat or noise made it.
Cell drift_cell(const BenchDocument& document, const std::string& place) {
  const auto change = document.number(place + "/change");
  if (!change) return missing_cell();
  const eval::Value::json_pointer at(place + "/significant");
  const bool significant =
      document.root().contains(at) && document.root().at(at) == eval::Value(true);
  if (std::abs(*change) > 1)  // a line by which speeds would fall below 0
    return {"n/a (varies more than a line says)", document.origin(place + "/change"),
            Tone::missing};
  return {fmt::format("{:+.1f} %{}", 100 * *change, significant ? "" : " (not significant)"),
          document.origin(place + "/change"), significant ? Tone::bad : Tone::plain};
}

/// "energy n/a: no counters", each once, with the configurations where not all have that reason.
std::vector<std::string> reasons(const BenchDocument& document) {
  std::vector<std::pair<std::string, std::vector<std::string>>> found;
  size_t measured = 0;
  for (size_t i = 0; i < document.configurations(); ++i) {
    if (document.has_numbers(i)) ++measured;
    for (const auto& [what, key] :
         {std::pair("cold load", "/load_ns/cold_reason"), std::pair("memory", "/memory/reason"),
          std::pair("energy", "/energy/reason"), std::pair("floor", "/floor/reason"),
          std::pair("prediction", "/predicted_reason")}) {
      const std::string reason = document.text(configuration_place(i) + key);
      if (reason.empty()) continue;
      const std::string point = fmt::format("{} n/a: {}", what, reason);
      auto own = std::ranges::find_if(found, [&](const auto& one) { return one.first == point; });
      if (own == found.end()) own = found.insert(own, {point, {}});
      own->second.push_back(document.short_name(i));
    }
  }
  std::vector<std::string> points;
  for (const auto& [point, names] : found)
    points.push_back(
        names.size() >= measured ? point : fmt::format("{} ({})", point, fmt::join(names, "; ")));
  return points;
}

}  // namespace

Section bench_details(const BenchDocument& document) {
  Section section{"Loads, the time of a token, the processor", {}, {}, {}, {}};
  Table table{"",
              {{"configuration"},
               {"load cold", true},
               {"load warm", true},
               {"a token: p50", true},
               {"p95", true},
               {"p99", true},
               {"longest", true},
               {"drift of the speed", true},
               {"processor", true}},
              {}};
  for (size_t i = 0; i < document.configurations(); ++i) {
    const std::string place = configuration_place(i);
    if (!document.has_numbers(i)) continue;
    const std::string step = place + "/step_ns/summary";
    table.rows.push_back(
        {{document.short_name(i)},
         document.cell(place + "/load_ns/cold", Unit::seconds, 1e-9),
         document.cell(place + "/load_ns/warm/summary/median", Unit::seconds, 1e-9),
         document.cell(step + "/median", Unit::seconds, 1e-9),
         document.cell(step + "/p95", Unit::seconds, 1e-9),
         document.cell(step + "/p99", Unit::seconds, 1e-9),
         document.cell(step + "/max", Unit::seconds, 1e-9),
         drift_cell(document, place + "/drift"),
         document.cell(place + "/processor/utilisation", Unit::share)});
  }
  section.points = reasons(document);
  if (!table.rows.empty()) section.tables.push_back(std::move(table));
  return section;
}

Section bench_phase2(const BenchDocument& document) {
  Section section{"Phase 2: Neural Engine against CPU", {}, {}, {}, {}};
  const std::string verdict = document.text("/phase2/verdict");
  if (verdict.empty()) return section;
  section.points.push_back(fmt::format("Speed-up of more than {:g} at every context: {}: {}.",
                                       document.number("/phase2/target").value_or(0), verdict,
                                       document.text("/phase2/reason")));
  Table table{
      "", {{"context", true}, {"speed-up", true}, {document.confidence() + " interval", true}}, {}};
  for (size_t i = 0; i < length_of(document, "/phase2/speedup"); ++i) {
    const std::string place = fmt::format("/phase2/speedup/{}", i);
    const auto low = document.number(place + "/ci95/0");
    const auto high = document.number(place + "/ci95/1");
    table.rows.push_back({document.cell(place + "/context_tokens", Unit::none),
                          document.bare_cell(place + "/ratio", 1),
                          low && high ? Cell{fmt::format("{:.2f} to {:.2f}", *low, *high),
                                             document.origin(place + "/ci95")}
                                      : missing_cell()});
  }
  if (!table.rows.empty()) section.tables.push_back(std::move(table));
  if (const auto engine = document.number("/phase2/distilbert/ane_ms"))
    section.points.push_back(
        fmt::format("The earlier DistilBERT: {:.2f} ms against {:.2f} ms ({}; {}).", *engine,
                    document.number("/phase2/distilbert/cpu_ms").value_or(0),
                    document.text("/phase2/distilbert/conditions"),
                    document.text("/phase2/distilbert/source")));
  return section;
}

Section bench_targets(const BenchDocument& document) {
  Section section{"Targets", {}, {}, {}, {}};
  Table table{"",
              {{"configuration"},
               {"metric"},
               {"limit", true},
               {"median", true},
               {"floor by memory", true},
               {"met"}},
              {}};
  for (size_t i = 0; i < length_of(document, "/targets"); ++i) {
    const std::string place = fmt::format("/targets/{}", i);
    const std::string metric = document.text(place + "/metric");
    const bool is_time = metric.starts_with("first_token");
    const auto cell = [&](const char* key) {
      return document.cell(place + key, is_time ? Unit::seconds : Unit::tokens_per_second,
                           is_time ? 1e-9 : 1);
    };
    table.rows.push_back({{document.text(place + "/id")},
                          {metric},
                          cell("/limit"),
                          cell("/median"),
                          cell("/floor"),
                          document.word_cell(place + "/met")});
  }
  if (!table.rows.empty()) section.tables.push_back(std::move(table));
  return section;
}

}  // namespace anemone::report
