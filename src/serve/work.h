#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "anemone/generate.h"

namespace anemone::serve {

/// One answer that the model is to make.
struct Work {
  std::vector<int32_t> prompt;
  generate::Options options;
  int64_t top_logprobs = -1;   ///< likeliest tokens told for each token; -1: nothing is told.
  bool scores_prompt = false;  ///< tells it of the prompt's tokens too.
  std::string form_field;      ///< see AnswerFields.
};

/// A token and, in nats, how probable it was under the model's own logits: before any bias,
/// penalty or temperature.
struct RankedToken {
  int32_t token = 0;
  double log_probability = 0;
};

struct TokenLogprobs {
  int32_t token = 0;
  std::optional<double> log_probability;  ///< missing for the first token of a prompt.
  std::vector<RankedToken> top;           ///< the likeliest first, of equals the lowest id.
};

/// What has become certain of an answer since the last piece.
struct Piece {
  std::string text;
  std::vector<TokenLogprobs> tokens;
};

}  // namespace anemone::serve
