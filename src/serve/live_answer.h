#pragma once

#include <chrono>
#include <memory>

#include "anemone/prompt_cache.h"
#include "anemone/text.h"
#include "generate/answer.h"
#include "serve/mailbox.h"
#include "serve/prompt_scoring.h"

namespace anemone::serve {

using Clock = std::chrono::steady_clock;

/// An answer that was asked for: what, for whom, and until when.
struct Job {
  Work work;
  size_t index = 0;
  std::shared_ptr<Mailbox> mailbox;
  Clock::time_point deadline = Clock::time_point::max();
  Clock::time_point asked = Clock::now();
  std::string_view endpoint = "none";  ///< for the metrics: a path of the list.
};

/// A job on the model: append `feed` to its sequence, then `take`, until `complete`. What becomes
/// certain goes to the job's mailbox. Model, tokenizer and cache must outlive it.
class LiveAnswer {
 public:
  /// Errors: as generate::generate.
  static Result<std::unique_ptr<LiveAnswer>> start(lm::LanguageModel& model,
                                                   const text::Tokenizer& tokenizer,
                                                   generate::PromptCache* cache, Job job);

  ~LiveAnswer();

  const Job& job() const { return job_; }
  bool complete() const { return scoring_ == nullptr && (!answer_ || answer_->complete()); }
  /// No token was chosen yet: its feeds are long.
  bool in_prompt() const { return !chose_; }
  lm::Extension feed(size_t most);
  /// The rows of the last feed have been written.
  Status take();
  /// For models that give only the arg max.
  Status take_token(int32_t token);
  /// The last event, for the job's mailbox.
  Event finish();

  /// So far, without those that a constraint forces.
  int64_t generated_tokens() const { return generated_; }

 private:
  class GivenSequence;

  LiveAnswer(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
             generate::PromptCache* cache, Job job);
  Status start_answer();
  /// A token was chosen from a row.
  Status note(int32_t token, std::span<const float> logits);
  void send();

  lm::LanguageModel& model_;
  const text::Tokenizer& tokenizer_;
  generate::PromptCache* cache_;
  Job job_;
  generate::TextSink sink_;
  std::unique_ptr<PromptScoring> scoring_;
  std::unique_ptr<GivenSequence> given_;
  std::unique_ptr<generate::Answer> answer_;
  Piece piece_;
  bool chose_ = false;
  int64_t generated_ = 0;
};

}  // namespace anemone::serve
