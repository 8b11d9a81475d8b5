#include "anemone/score.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "eval/ways.h"

namespace anemone::eval {
namespace {

/// Scores requests on one sequence, which keeps what the next one begins with too.
class Scorings {
 public:
  explicit Scorings(lm::LanguageModel& model) : model_(model), sequence_(model.new_sequence()) {}

  Result<ContinuationScore> score(const ScoreRequest& request) {
    const std::span<const int32_t> context(request.context);
    const std::span<const int32_t> continuation(request.continuation);
    if (context.empty() || continuation.empty())
      return fail(ErrorCode::invalid_argument, "{} is empty",
                  context.empty() ? "the context" : "the continuation");
    const size_t fed = context.size() + continuation.size() - 1;
    if (fed > static_cast<size_t>(model_.info().context_length))
      return fail(ErrorCode::out_of_range, "{} tokens to feed, the model's context holds {}", fed,
                  model_.info().context_length);
    ANEMONE_RETURN_IF_ERROR(advance(context.first(context.size() - 1)));
    inputs_.assign(1, context.back());
    inputs_.insert(inputs_.end(), continuation.begin(), continuation.end() - 1);
    scores_.resize(continuation.size());
    ANEMONE_RETURN_IF_ERROR(
        model_.score(*sequence_, inputs_, continuation, scores_,
                     scores_by_blocks(continuation.size(), model_.info().score_block_tokens)
                         ? lm::ScoreBy::blocks
                         : lm::ScoreBy::logits));
    ContinuationScore sum{0, true};
    for (const lm::TokenScore& score : scores_) {
      sum.log_likelihood += score.log_probability;
      sum.greedy = sum.greedy && score.greedy;
    }
    return sum;
  }

 private:
  /// Makes the sequence hold `tokens`.
  Status advance(std::span<const int32_t> tokens) {
    const auto held = sequence_->tokens();
    const auto [end, _] = std::mismatch(held.begin(), held.end(), tokens.begin(), tokens.end());
    const auto shared = end - held.begin();
    sequence_->truncate(shared);
    const auto rest = tokens.subspan(static_cast<size_t>(shared));
    return rest.empty() ? Status() : model_.extend(*sequence_, rest, lm::Rows::none, {});
  }

  lm::LanguageModel& model_;
  std::unique_ptr<lm::Sequence> sequence_;
  std::vector<int32_t> inputs_;
  std::vector<lm::TokenScore> scores_;
};

}  // namespace

Result<std::vector<ContinuationScore>> score_continuations(lm::LanguageModel& model,
                                                           std::span<const ScoreRequest> requests,
                                                           const ProgressSink& progress) {
  if (!model.info().gives_logits)
    return with_hint(fail(ErrorCode::unsupported,
                          "{}: the model gives the likeliest token, not logits, so nothing can be "
                          "scored",
                          model.info().name),
                     "convert it without argmax in the model");
  Scorings scorings(model);
  std::vector<ContinuationScore> scores;
  scores.reserve(requests.size());
  uint64_t done = 0, total = 0;
  for (const ScoreRequest& request : requests)
    total += request.context.size() + request.continuation.size();
  for (const ScoreRequest& request : requests) {
    if (progress && !progress({"scoring", done, total, "tokens"}))
      return fail(ErrorCode::interrupted, "interrupted after {} of {} tokens", done, total);
    auto score = scorings.score(request);
    if (!score.ok()) return std::move(score).in(fmt::format("request {}", scores.size())).error();
    scores.push_back(*score);
    done += request.context.size() + request.continuation.size();
  }
  return scores;
}

}  // namespace anemone::eval
