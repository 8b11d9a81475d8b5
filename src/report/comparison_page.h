#pragma once

#include "anemone/compare.h"
#include "report/page.h"

namespace anemone::report {

Page comparison_page(const compare::Comparison& found);

/// Its sections, in the order of the page; one without content has no tables.
Section overview_section(const compare::Comparison& found);
Section scores_section(const compare::Comparison& found);
Section samples_section(const compare::Comparison& found);
Section benchmarks_section(const compare::Comparison& found);
Section lengths_section(const compare::Comparison& found);
Section sources_section(const compare::Comparison& found);

/// A figure with its ratio to the reference, and the origins of both.
Cell ratio_cell(const compare::Measure& measure, size_t subject, const compare::Comparison& found,
                bool with_interval);

/// "acc ↑", with the filter where it says something.
std::string metric_title(const compare::ScoreRow& row);

/// The score that stands for a task where there is room for one: accuracy, else an exact match,
/// else the first.
std::vector<const compare::ScoreRow*> leading_scores(const compare::Comparison& found);

}  // namespace anemone::report
