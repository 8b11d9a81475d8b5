#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "anemone/report.h"
#include "compare/document.h"
#include "compare/readings.h"

/// A document of any kind is either refused or gives finite numbers; one of bench has a page too.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = compare::parse_document(text, "eval_model_0.4.13_02_task");
  if (!document.ok()) return 0;
  if (document->source.kind == compare::Kind::bench) {
    for (const auto format :
         {report::Format::html, report::Format::text, report::Format::markdown}) {
      const auto page = report::bench(text, "bench.json", format);
      if (!page.ok()) continue;
      if (page->find('\033') != std::string::npos) __builtin_trap();
      if (format == report::Format::html && page->find("<script") != std::string::npos)
        __builtin_trap();
    }
  }
  const auto readings = compare::readings(*document, 0);
  if (!readings.ok()) return 0;
  for (const compare::Reading& reading : *readings)
    if (!std::isfinite(reading.figure.value.value_or(0))) __builtin_trap();
  return 0;
}
