#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anemone/generate.h"
#include "generate/allowed_tokens.h"
#include "generate/drafter.h"
#include "generate/sampler.h"
#include "generate/stop_text.h"

namespace anemone::generate {

/// One answer in the making, step by step, so that a caller may advance several together: append
/// `feed` to `sequence`, with the rows of logits it asks for, then `take` them, until `complete`.
/// Belongs to its model and tokenizer, which must outlive it, as must the options and the sink.
class Answer {
 public:
  /// Errors: as `generate`.
  static Result<std::unique_ptr<Answer>> start(lm::LanguageModel& model,
                                               const text::Tokenizer& tokenizer,
                                               std::span<const int32_t> prompt,
                                               const Options& options, const TextSink& sink);

  /// Gets each token that is chosen and the row it was chosen from, before it becomes text; under
  /// a constraint what is not allowed is taken off the row, and tokens that it forces have none.
  /// An error ends the answer with it.
  using TokenWatch = std::function<Status(int32_t token, std::span<const float> logits)>;
  void watch(TokenWatch watch) { watch_ = std::move(watch); }

  bool complete() const { return complete_; }
  lm::Sequence& sequence() { return *sequence_; }
  /// What to append next, at most `most` tokens: parts of a long prompt want no rows.
  lm::Extension feed(size_t most);
  /// The rows of the last feed have been written.
  Status take();
  /// For models that give only the arg max: the token after the last feed.
  Status take_token(int32_t token);
  /// After `complete`: gives out what was held back.
  Result<Generation> finish();

 private:
  Answer(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
         std::span<const int32_t> prompt, const Options& options, const TextSink& sink,
         Sampler sampler);

  /// Prepares the first step: what the constraint allows, and what must stand at the beginning.
  Status begin();
  /// The token of one row of logits.
  Result<int32_t> choose(size_t row);
  /// Takes a chosen token in, and the ones that the constraint forces behind it. Returns how many
  /// of `expected` they are, from its beginning; stops there.
  Result<size_t> add_with_forced(int32_t token, std::span<const int32_t> expected);
  /// Takes a token in; `complete_` where it ends the answer.
  Status add(int32_t token);
  Result<std::string> text_of(int32_t token);
  void note_first_token();
  void show(const StopText::Step& step);
  void give(const std::string& ready);
  void end(StopReason reason);
  /// Fills `pending_` for the next feed.
  Status prepare();
  /// Puts guesses behind `pending_`, as far as the constraint allows them.
  Status guess();
  void make_room();

  lm::LanguageModel& model_;
  const text::Tokenizer& tokenizer_;
  const Options& options_;
  const TextSink& sink_;
  TokenWatch watch_;
  Sampler sampler_;
  text::DetokenizeStream stream_;
  StopText stop_text_;
  std::unique_ptr<lm::Sequence> sequence_;
  std::unique_ptr<AllowedTokens> allowed_;  ///< null: all tokens are.
  std::unique_ptr<Drafter> drafter_;
  std::optional<DraftLength> draft_length_;
  std::vector<int32_t> tokens_;  ///< prompt and answer; dropped ones left out.
  std::vector<int32_t> draft_;
  std::vector<int32_t> pending_;  ///< to be fed: the end of `tokens_`, then the draft.
  size_t fed_ = 0;                ///< of `pending_`, by the last feed.
  size_t drafted_ = 0;            ///< the last of `pending_`.
  std::vector<float> logits_;     ///< [drafted + 1, V].
  bool complete_ = false;
  Generation generation_;
  std::optional<int64_t> first_token_ns_;
  int64_t started_ns_ = 0;
};

}  // namespace anemone::generate
