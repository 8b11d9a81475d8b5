#pragma once

#include <memory>
#include <span>
#include <vector>

#include "anemone/language_model.h"
#include "serve/work.h"

namespace anemone::serve {

/// Log-probabilities of a prompt's own tokens, piece by piece, so that several may be computed
/// together: append `feed` to its sequence, then `take`, until `complete`. `prompt` and the model
/// must outlive this.
class PromptScoring {
 public:
  PromptScoring(lm::LanguageModel& model, std::span<const int32_t> prompt, int64_t top);

  bool complete() const { return fed_ == prompt_.size(); }
  /// At most `most` tokens with their rows.
  lm::Extension feed(size_t most);
  /// What the last feed tells, of the tokens after those that were fed; first of the first token.
  Result<std::vector<TokenLogprobs>> take();
  /// After `complete`: the sequence, which holds the whole prompt.
  std::unique_ptr<lm::Sequence> release() { return std::move(sequence_); }

 private:
  std::span<const int32_t> prompt_;
  int64_t top_;
  size_t vocab_size_;
  std::unique_ptr<lm::Sequence> sequence_;
  std::vector<float> logits_;
  size_t fed_ = 0;
  size_t feeding_ = 0;
};

}  // namespace anemone::serve
