#include <fmt/format.h>

#include <algorithm>

#include "report/bench_page.h"
#include "report/number_text.h"

namespace anemone::report {
namespace {

constexpr size_t kShownOperations = 5;

/// Of a place that holds a list; 0 where there is none.
size_t size_of(const BenchDocument& document, const std::string& place) {
  const eval::Value::json_pointer list(place);
  return document.root().contains(list) && document.root().at(list).is_array()
             ? document.root().at(list).size()
             : 0;
}

/// The dearest, as many as a cell takes, in the document's order.
Cell operations_cell(const BenchDocument& document, const std::string& place) {
  const size_t all = size_of(document, place);
  std::string text;
  for (size_t i = 0; i < std::min(all, kShownOperations); ++i) {
    const std::string one = fmt::format("{}/{}", place, i);
    const auto median = document.number(one + "/median_ns");
    text += fmt::format("{}{}: {} on {}, {}", i == 0 ? "" : "; ", document.text(one + "/name"),
                        document.text(one + "/type"), document.text(one + "/unit"),
                        median ? fmt::format("{:.4f} ms", *median * 1e-6) : "n/a");
  }
  return text.empty() ? missing_cell() : Cell{text, document.origin(place)};
}

Cell milliseconds(const BenchDocument& document, const std::string& place) {
  const auto value = document.number(place);
  return value ? Cell{fmt::format("{:.4f}", *value * 1e-6), document.origin(place)}
               : missing_cell();
}

}  // namespace

Section bench_functions(const BenchDocument& document) {
  Section section{"Functions by themselves", {}, {}, {}, {}};
  Table table{"",
              {{"configuration"},
               {"package"},
               {"function"},
               {"load, ms", true},
               {"prediction, ms: least", true},
               {"median", true},
               {"mean", true},
               {"standard deviation", true},
               {"most", true},
               {"dearest ops by Core ML's plan"}},
              {}};
  const auto note = [&](const std::string& text) {
    if (std::ranges::count(section.points, text) == 0) section.points.push_back(text);
  };
  for (size_t i = 0; i < document.configurations(); ++i) {
    const std::string place = configuration_place(i);
    const std::string name = document.short_name(i);
    if (const std::string reason = document.text(place + "/functions_reason"); !reason.empty())
      note(name + ": n/a: " + reason);
    for (size_t k = 0; k < size_of(document, place + "/functions"); ++k) {
      const std::string one = fmt::format("{}/functions/{}", place, k);
      const std::string times = one + "/predict_ns/summary";
      table.rows.push_back({{name},
                            {document.text(one + "/package")},
                            {document.text(one + "/function")},
                            document.bare_cell(one + "/load_ns/summary/median", 1e-6),
                            milliseconds(document, times + "/min"),
                            milliseconds(document, times + "/median"),
                            milliseconds(document, times + "/mean"),
                            milliseconds(document, times + "/stddev"),
                            milliseconds(document, times + "/max"),
                            operations_cell(document, one + "/operations")});
      if (const std::string reason = document.text(one + "/reason"); !reason.empty())
        note("ops n/a: " + reason);
    }
  }
  if (table.rows.empty()) return section;
  section.paragraphs.emplace_back(
      "Each function of the packages on zeros; an op's time is its share of a prediction by Core "
      "ML's plan.");
  section.tables.push_back(std::move(table));
  return section;
}

}  // namespace anemone::report
