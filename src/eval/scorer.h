#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/result.h"
#include "eval/requests.h"
#include "eval/response.h"
#include "eval/tokens.h"

namespace anemone::eval {

/// Tokens that went through the model, and what other ways to run the same requests would take.
struct TokenCounts {
  uint64_t run = 0;           ///< what this program ran.
  uint64_t alone = 0;         ///< every request on its own, as a server runs them.
  uint64_t logits_cache = 0;  ///< each distinct input once, as the harness' hf model runs them.
  uint64_t truncated = 0;     ///< requests that lost tokens on the left.
};

/// Runs requests on a model. What requests share is computed once: the blocks at the beginning of
/// neighbouring contexts, and the context of one document's choices. A context is always cut into
/// whole prefill blocks and a rest, a continuation into pieces of its own, so that a score depends
/// on its request alone, never on what was run before. Not thread-safe.
class Scorer {
 public:
  /// `max_length` tokens are fed at most; 0: the model's context. Errors: unsupported (a model that
  /// gives no logits), out_of_range (max_length beyond the context).
  static Result<Scorer> create(lm::LanguageModel& model, const Codec& codec, int64_t max_length);

  /// Responses to one document's requests, in their order. A request that fails has its error in
  /// its response.
  std::vector<Response> run(OutputType type, std::span<const Request> requests);

  /// Log-likelihood of a text in windows (see rolling_windows).
  Result<Response> score_rolling(const std::string& text, int64_t stride);

  int64_t max_length() const { return max_length_; }
  const TokenCounts& counts() const { return counts_; }

  /// Log-likelihood of `continuation` after `context`, both not empty, within max_length; with the
  /// greedy flag. The same context in the next call is not computed again.
  Result<Response> log_likelihood(const Tokens& context, const Tokens& continuation);

 private:
  Scorer(lm::LanguageModel& model, const Codec& codec, int64_t max_length);

  Result<Response> score_pair(const Request& request);
  Result<Response> generate(const Request& request);
  Result<std::string> generated_text(const Tokens& prompt, std::span<const std::string> until,
                                     int64_t most_tokens);
  Result<bool> stops(std::span<const int32_t> generated, std::span<const std::string> until,
                     std::span<const size_t> lookback) const;

  /// Makes the sequence hold `context`; `row` becomes the logits after its last token.
  Status feed_context(const Tokens& context);
  Status extend(std::span<const int32_t> tokens, lm::Rows rows, std::span<float> logits);

  /// Counts an input that other programs would run whole.
  void count_input(const Tokens& context, std::span<const int32_t> rest, uint64_t generated);

  lm::LanguageModel* model_;
  Codec codec_;
  int64_t max_length_;
  size_t block_;  ///< tokens of a prefill block; 1 without one.
  std::unique_ptr<lm::Sequence> sequence_;
  Tokens context_;          ///< whose last logits are in `row_`.
  std::vector<float> row_;  ///< [V]
  std::vector<float> rows_;
  TokenCounts counts_;
  std::unordered_set<uint64_t> inputs_;  ///< hashes of what count_input has seen.
};

}  // namespace anemone::eval
