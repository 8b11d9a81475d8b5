#include "serve/prompt_scoring.h"

#include <algorithm>

#include "serve/log_probabilities.h"

namespace anemone::serve {

PromptScoring::PromptScoring(lm::LanguageModel& model, std::span<const int32_t> prompt, int64_t top)
    : prompt_(prompt),
      top_(top),
      vocab_size_(static_cast<size_t>(model.info().vocab_size)),
      sequence_(model.new_sequence()) {}

lm::Extension PromptScoring::feed(size_t most) {
  const auto tokens = prompt_.subspan(fed_, std::min(most, prompt_.size() - fed_));
  feeding_ = tokens.size();
  logits_.resize(feeding_ * vocab_size_);
  return {sequence_.get(), tokens, lm::Rows::all, logits_, {}};
}

Result<std::vector<TokenLogprobs>> PromptScoring::take() {
  std::vector<TokenLogprobs> told;
  if (fed_ == 0) told.push_back({prompt_[0], std::nullopt, {}});
  for (size_t row = 0; row < feeding_ && fed_ + row + 1 < prompt_.size(); ++row) {
    ANEMONE_TRY(auto next,
                log_probabilities(std::span(logits_).subspan(row * vocab_size_, vocab_size_),
                                  prompt_[fed_ + row + 1], top_));
    told.push_back(std::move(next));
  }
  fed_ += feeding_;
  feeding_ = 0;
  if (complete()) logits_ = {};
  return told;
}

}  // namespace anemone::serve
