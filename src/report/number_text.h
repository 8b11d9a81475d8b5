#pragma once

#include <optional>
#include <string>

#include "anemone/compare.h"
#include "report/page.h"

namespace anemone::report {

/// A number of a unit for people: "12.1 MB", "5.2 ms", "2142 tokens/s", "35.0 %", "0.2719".
std::string number_text(double value, compare::Unit unit);

/// Three digits or more, without a unit: "5.03", "50.3", "503", "5031".
std::string three_digits(double value);

/// "+0.0031", "−0.0125": with a sign.
std::string signed_text(double value);

/// "0.031", "< 0.0001".
std::string p_text(double p);

/// "0.41×".
std::string ratio_text(double ratio);

/// "[−0.01, +0.03]".
std::string interval_text(const statistics::Interval& interval, bool with_signs);

Cell missing_cell();

/// A text that was made of the numbers at these places.
Cell traced_cell(std::string text, const std::vector<compare::Origin>& origins,
                 const std::vector<compare::Source>& sources, Tone tone = Tone::plain);

/// The number of a figure, or n/a; with its origins.
Cell figure_cell(const compare::Figure& figure, compare::Unit unit,
                 const std::vector<compare::Source>& sources);

/// "results.json: /results/arc_easy/acc,none", of all origins.
std::string origin_text(const std::vector<compare::Origin>& origins,
                        const std::vector<compare::Source>& sources);

}  // namespace anemone::report
