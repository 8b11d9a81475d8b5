#include "report/bench_page.h"

#include <fmt/format.h>

#include "anemone/report.h"

namespace anemone::report {

std::string configuration_place(size_t configuration) {
  return fmt::format("/configurations/{}", configuration);
}

Page bench_page(const BenchDocument& document) {
  Page page;
  page.title = "Benchmark of " + document.text("/model/name");
  page.subtitle = document.text("/machine/cpu") + ", " + document.text("/started");
  for (Section section :
       {bench_summary(document), bench_targets(document), bench_phase2(document),
        bench_speed(document), bench_details(document), bench_stages(document),
        bench_batches(document), bench_functions(document), bench_memory(document),
        bench_quality(document), bench_judgements(document), bench_predictions(document)})
    if (!section.tables.empty() || !section.plots.empty() || !section.points.empty())
      page.sections.push_back(std::move(section));
  page.sections.push_back(bench_provenance(document));
  return page;
}

Result<std::string> bench(std::string_view text, std::string_view name, Format format) {
  ANEMONE_TRY(const BenchDocument document, BenchDocument::parse(text, name));
  const Page page = bench_page(document);
  ANEMONE_RETURN_IF_ERROR(document.faults());
  return written(page, format);
}

}  // namespace anemone::report
