#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "anemone/result.h"

namespace anemone::eval {

/// What the model gave for one request.
struct Response {
  double log_likelihood = 0;  ///< natural logarithm; of the continuation, or of the whole text.
  bool greedy = false;        ///< each token of the continuation is the model's first choice.
  bool no_tokens = false;  ///< rolling: the text has no token, so the value is Python's integer 0.
  std::string text;        ///< generated text.
  uint64_t generated_tokens = 0;  ///< tokens of it that the model took: all but the last one.
  uint64_t tokens_run = 0;  ///< tokens that the model took for this answer, not for one before it.
  bool is_stored = false;   ///< of a run before.
  std::optional<Error> error;
};

}  // namespace anemone::eval
