#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/log.h"
#include "anemone/result.h"

/// Log-likelihoods of tokens, by the same arithmetic as evaluation.
namespace anemone::eval {

/// What stands before, and what is scored after it; neither may be empty.
struct ScoreRequest {
  std::vector<int32_t> context;
  std::vector<int32_t> continuation;
};

struct ContinuationScore {
  double log_likelihood = 0;  ///< natural logarithm, summed over the continuation's tokens.
  bool greedy = false;        ///< whether each of its tokens is the first arg max where it stands.
};

/// Scores in the order of `requests`; what they share at their beginning is computed once, and no
/// score depends on that. Progress: in tokens. Errors: invalid_argument (an empty context or
/// continuation), out_of_range (a token id; context and continuation without its last token exceed
/// the model's context; logits that no score can be made of), unsupported (a model without logits),
/// interrupted, those of the model; what concerns one request names its index.
Result<std::vector<ContinuationScore>> score_continuations(lm::LanguageModel& model,
                                                           std::span<const ScoreRequest> requests,
                                                           const ProgressSink& progress);

}  // namespace anemone::eval
