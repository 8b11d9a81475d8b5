#include <fmt/format.h>

#include "report/bench_page.h"

namespace anemone::report {

Section bench_batches(const BenchDocument& document) {
  Section section{"Sequences together", {}, {}, {}, {}};
  Table table{"",
              {{"configuration"},
               {"sequences", true},
               {"tokens/s of all", true},
               {"step, ms", true},
               {"95th percentile", true}},
              {}};
  for (size_t i = 0; i < document.configurations(); ++i) {
    const std::string place = configuration_place(i);
    const std::string list = place + "/batches";
    const std::string name = document.short_name(i);
    if (const std::string reason = document.text(place + "/batches_reason"); !reason.empty())
      section.points.push_back(name + ": n/a: " + reason);
    const eval::Value::json_pointer at(list);
    if (!document.root().contains(at)) continue;
    for (size_t k = 0; k < document.root().at(at).size(); ++k) {
      const std::string batch = fmt::format("{}/{}", list, k);
      Cell sequences = document.bare_cell(batch + "/sequences", 1);
      if (const auto number = document.number(batch + "/sequences"))
        sequences.text = fmt::format("{}", *number);
      table.rows.push_back({{name},
                            std::move(sequences),
                            document.series_cell(batch + "/tokens_per_second", 1),
                            document.series_cell(batch + "/step_ns", 1e-6),
                            document.bare_cell(batch + "/step_ns/summary/p95", 1e-6)});
    }
    for (const char* workload : {"offline", "interactive"}) {
      const std::string policy = fmt::format("{}/batch_policy/{}", place, workload);
      if (const auto sequences = document.number(policy + "/sequences"))
        section.points.push_back(fmt::format("{}: {} {}: {}", name, workload, *sequences,
                                             document.text(policy + "/why")));
    }
  }
  if (!table.rows.empty()) section.tables.push_back(std::move(table));
  return section;
}

}  // namespace anemone::report
