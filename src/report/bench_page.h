#pragma once

#include <string>

#include "report/bench_document.h"
#include "report/page.h"

namespace anemone::report {

Page bench_page(const BenchDocument& document);

/// "/configurations/<i>", where a configuration stands.
std::string configuration_place(size_t configuration);

/// The sections of the page; one without content has neither tables nor plots.
Section bench_summary(const BenchDocument& document);
Section bench_speed(const BenchDocument& document);
Section bench_stages(const BenchDocument& document);
/// Of --functions: each function of the packages by itself.
Section bench_functions(const BenchDocument& document);
Section bench_batches(const BenchDocument& document);
Section bench_memory(const BenchDocument& document);
Section bench_quality(const BenchDocument& document);
Section bench_predictions(const BenchDocument& document);
/// Loads, percentiles of a token, drift, processor; and why numbers of the page are n/a.
Section bench_details(const BenchDocument& document);
Section bench_phase2(const BenchDocument& document);
Section bench_targets(const BenchDocument& document);
Section bench_judgements(const BenchDocument& document);
Section bench_provenance(const BenchDocument& document);

}  // namespace anemone::report
