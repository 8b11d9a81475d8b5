#pragma once

#include "compare/scores.h"

namespace anemone::compare {

/// Scores by the length of the documents, for all scores whose samples every subject has.
std::vector<LengthTable> length_tables(const std::vector<SubjectScores>& subjects,
                                       const std::vector<ScoreRow>& rows, const Options& options);

}  // namespace anemone::compare
