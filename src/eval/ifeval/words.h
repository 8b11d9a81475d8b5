#pragma once

#include <string>
#include <vector>

#include "anemone/result.h"

namespace anemone::eval::ifeval {

/// The words and marks of one sentence as NLTK's word_tokenize splits it.
/// Errors: limit (a pattern backtracks too much).
Result<std::vector<std::string>> split_words(std::string sentence);

}  // namespace anemone::eval::ifeval
