#pragma once

#include "compare/scores.h"

namespace anemone::compare {

/// Scores by the length of the documents, for all scores that were tested document by document in
/// every subject. Errors: corrupt (a document twice in a file with samples).
Result<std::vector<LengthTable>> length_tables(const std::vector<SubjectScores>& subjects,
                                               const std::vector<ScoreRow>& rows,
                                               const Options& options);

}  // namespace anemone::compare
