#pragma once

#include <vector>

#include "anemone/compare.h"
#include "compare/document.h"

namespace anemone::compare {

/// The rows of all numbers that are no scores. A ratio is left out where it would mislead: other
/// machines, other documents in the time. Errors: as readings(); mismatch (one name, two units).
Result<std::vector<Measure>> measures(const std::vector<Document>& documents,
                                      const std::vector<Subject>& subjects, const Options& options,
                                      std::vector<std::string>& notes);

}  // namespace anemone::compare
