#pragma once

#include <string>
#include <vector>

#include "anemone/compare.h"
#include "compare/document.h"

namespace anemone::compare {

/// "a, b, c, d and 3 more".
std::string listed(const std::vector<std::string>& words);

/// Fills `notes` with what a reader of the tables has to know; what holds for several rows is said
/// once.
void add_notes(Comparison& found, const std::vector<Document>& documents);

/// The mismatch of results without a common task, measure or configuration: what each of them has,
/// and why some have nothing.
Error nothing_in_common(const Comparison& found, const std::vector<Document>& documents);

}  // namespace anemone::compare
