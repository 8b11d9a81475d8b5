#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "anemone/language_model.h"
#include "bench/clock.h"
#include "bench/stage_timer.h"

namespace anemone::bench {

/// What every request of a configuration asks.
struct Prompt {
  /// Makes tokens of the prompt's text, which is part of the request; null: there is no tokenizer.
  std::function<Status()> tokenize;
  std::vector<int32_t> ids;
};

/// One request: a prompt, and a fixed number of tokens chosen greedily after it. Buffers are made
/// once; running allocates nothing but what the model and the tokenizer do.
class Request {
 public:
  Request(lm::LanguageModel& model, Clock& clock, const Prompt& prompt, int64_t answer_tokens);

  /// The whole request, in a new sequence. `stages`: also times its parts; may be null.
  Status run(StageTimer* stages, bool model_shows_stages = false);
  /// Up to the first token. `prefix`: a sequence with the first tokens of the prompt, which is
  /// forked; null: nothing is cached.
  Status run_first_token(const lm::Sequence* prefix);

  int64_t first_token_ns() const { return first_token_ns_; }
  int64_t prefill_ns() const { return prefill_ns_; }  ///< of the prompt's calls.
  int64_t decode_ns() const { return decode_ns_; }    ///< of the tokens after the first.
  int64_t request_ns() const { return request_ns_; }
  std::span<const int64_t> step_ns() const { return step_ns_; }
  std::span<const int32_t> tokens() const { return tokens_; }
  uint64_t state_bytes() const { return state_bytes_; }

 private:
  Result<int32_t> next(lm::Sequence& sequence, std::span<const int32_t> tokens, StageTimer* stages);

  lm::LanguageModel& model_;
  Clock& clock_;
  const Prompt& prompt_;
  bool model_shows_stages_ = false;
  std::vector<float> logits_;
  std::vector<int64_t> step_ns_;
  std::vector<int32_t> tokens_;
  int64_t first_token_ns_ = 0;
  int64_t prefill_ns_ = 0;
  int64_t decode_ns_ = 0;
  int64_t request_ns_ = 0;
  uint64_t state_bytes_ = 0;
};

}  // namespace anemone::bench
