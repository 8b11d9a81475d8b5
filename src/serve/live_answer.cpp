#include "serve/live_answer.h"

#include "serve/log_probabilities.h"

namespace anemone::serve {

/// Hands a sequence that is there already to an answer, which asks a cache for one.
class LiveAnswer::GivenSequence : public generate::PromptCache {
 public:
  GivenSequence(std::unique_ptr<lm::Sequence> sequence, PromptCache* behind)
      : sequence_(std::move(sequence)), behind_(behind) {}

  std::unique_ptr<lm::Sequence> find(std::span<const int32_t> tokens) override {
    sequence_->truncate(static_cast<int64_t>(tokens.size()));
    return std::move(sequence_);
  }
  void keep(const lm::Sequence& sequence) override {
    if (behind_ != nullptr) behind_->keep(sequence);
  }
  Stats stats() const override { return {}; }

 private:
  std::unique_ptr<lm::Sequence> sequence_;
  PromptCache* behind_;
};

Result<std::unique_ptr<LiveAnswer>> LiveAnswer::start(lm::LanguageModel& model,
                                                      const text::Tokenizer& tokenizer,
                                                      generate::PromptCache* cache, Job job) {
  std::unique_ptr<LiveAnswer> live(new LiveAnswer(model, tokenizer, cache, std::move(job)));
  if (live->job_.work.scores_prompt)
    live->scoring_ = std::make_unique<PromptScoring>(model, live->job_.work.prompt,
                                                     live->job_.work.top_logprobs);
  else
    ANEMONE_RETURN_IF_ERROR(live->start_answer());
  return live;
}

LiveAnswer::LiveAnswer(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                       generate::PromptCache* cache, Job job)
    : model_(model), tokenizer_(tokenizer), cache_(cache), job_(std::move(job)) {
  sink_ = [this](std::string_view piece) {
    piece_.text += piece;
    return !job_.mailbox->cancelled();
  };
}

LiveAnswer::~LiveAnswer() = default;

Status LiveAnswer::start_answer() {
  job_.work.options.cache = cache_;
  if (scoring_ != nullptr) {
    given_ = std::make_unique<GivenSequence>(scoring_->release(), cache_);
    scoring_ = nullptr;
    job_.work.options.cache = given_.get();
  }
  ANEMONE_TRY(answer_, generate::Answer::start(model_, tokenizer_, job_.work.prompt,
                                               job_.work.options, sink_));
  answer_->watch(
      [this](int32_t token, std::span<const float> logits) { return note(token, logits); });
  return {};
}

lm::Extension LiveAnswer::feed(size_t most) {
  return scoring_ != nullptr ? scoring_->feed(most) : answer_->feed(most);
}

Status LiveAnswer::take() {
  if (scoring_ == nullptr) {
    ANEMONE_RETURN_IF_ERROR(answer_->take());
  } else {
    ANEMONE_TRY(piece_.tokens, scoring_->take());
    if (scoring_->complete()) ANEMONE_RETURN_IF_ERROR(start_answer());
  }
  if (!complete()) send();
  return {};
}

Status LiveAnswer::take_token(int32_t token) {
  ANEMONE_RETURN_IF_ERROR(answer_->take_token(token));
  chose_ = true;
  ++generated_;
  if (!complete()) send();
  return {};
}

Status LiveAnswer::note(int32_t token, std::span<const float> logits) {
  chose_ = true;
  ++generated_;
  if (job_.work.top_logprobs < 0) return {};
  ANEMONE_TRY(auto told, log_probabilities(logits, token, job_.work.top_logprobs));
  piece_.tokens.push_back(std::move(told));
  return {};
}

void LiveAnswer::send() {
  if (piece_.text.empty() && piece_.tokens.empty()) return;
  job_.mailbox->put({job_.index, std::exchange(piece_, {}), std::nullopt});
}

Event LiveAnswer::finish() {
  auto generation = answer_->finish();
  Event event{job_.index, std::exchange(piece_, {}), std::nullopt};
  if (generation.ok()) {
    if (given_ != nullptr) generation->reused_tokens = 0;  // what was scored came from no cache
    event.outcome = *std::move(generation);
  } else {
    event.outcome = refusal_of_run(generation.error(), job_.work.form_field);
  }
  return event;
}

}  // namespace anemone::serve
