#include <algorithm>
#include <cmath>
#include <vector>

#include "anemone/language_model.h"
#include "base/check.h"
#include "base/error.h"
#include "lm/token_check.h"
#include "runtime/score_row.h"

namespace anemone::lm {

namespace {

/// Compilers make one comparison of as many.
constexpr size_t kCompared = 64;

size_t first_place(std::span<const float> row, float value) {
  size_t first = 0;
  for (; first + kCompared <= row.size(); first += kCompared) {
    uint32_t found = 0;
    for (size_t i = 0; i < kCompared; ++i) found |= row[first + i] == value ? 1u : 0u;
    if (found != 0) break;
  }
  while (first < row.size() && row[first] != value) ++first;
  return first;
}

}  // namespace

Result<int32_t> best_token(std::span<const float> logits) {
  const float highest = runtime::highest_of(logits);
  if (std::isnan(highest)) {
    const auto first = std::ranges::find_if(logits, [](float logit) { return std::isnan(logit); });
    return fail(ErrorCode::out_of_range, "the model's logit of token {} is not a number",
                first - logits.begin());
  }
  return logits.empty() ? 0 : static_cast<int32_t>(first_place(logits, highest));
}

Result<TokenScore> score_token(std::span<const float> logits, int32_t token) {
  if (token < 0 || static_cast<size_t>(token) >= logits.size())
    return fail(ErrorCode::out_of_range, "token {} of {}", token, logits.size());
  ANEMONE_TRY(const int32_t best, best_token(logits));
  const double highest = logits[static_cast<size_t>(best)];
  if (std::isinf(highest))
    return fail(ErrorCode::out_of_range, "the model's logits are infinite, first at token {}",
                best);
  const double sum = runtime::sum_of_powers(logits, highest);
  const auto at = static_cast<size_t>(token);
  const double log_probability = static_cast<double>(logits[at]) - highest - std::log(sum);
  if (!std::isfinite(log_probability))
    return fail(ErrorCode::out_of_range, "the model gives token {} no probability, its logit is {}",
                token, logits[at]);
  return TokenScore{log_probability, best == token};
}

Status LanguageModel::score(Sequence& sequence, std::span<const int32_t> tokens,
                            std::span<const int32_t> targets, std::span<TokenScore> scores,
                            ScoreBy) {
  constexpr size_t kPieceTokens = 64;  // bounds the memory of their logits
  ANEMONE_RETURN_IF_ERROR(check_targets(info(), tokens, targets, scores));
  const int64_t before = sequence.length();
  const auto vocab = static_cast<size_t>(info().vocab_size);
  std::vector<float> logits(std::min(tokens.size(), kPieceTokens) * vocab);
  const auto score_all = [&]() -> Status {
    for (size_t first = 0; first < tokens.size(); first += kPieceTokens) {
      const size_t count = std::min(kPieceTokens, tokens.size() - first);
      const auto rows = std::span(logits).first(count * vocab);
      ANEMONE_RETURN_IF_ERROR(extend(sequence, tokens.subspan(first, count), Rows::all, rows));
      for (size_t i = 0; i < count; ++i) {
        ANEMONE_TRY(scores[first + i],
                    score_token(rows.subspan(i * vocab, vocab), targets[first + i]));
      }
    }
    return {};
  };
  Status status = score_all();
  if (!status.ok()) sequence.truncate(before);
  return status;
}

void LanguageModel::save(const Sequence&, int64_t, int64_t, std::span<std::byte>) const {
  ANEMONE_CHECK(false, "this model's memory cannot be cut by tokens");
}

std::unique_ptr<Sequence> LanguageModel::restore(std::span<const int32_t>,
                                                 std::span<const std::span<const std::byte>>) {
  ANEMONE_CHECK(false, "this model's memory cannot be cut by tokens");
}

void LanguageModel::extend_many(std::span<Extension> extensions) {
  for (Extension& each : extensions)
    each.status = extend(*each.sequence, each.tokens, each.rows, each.logits);
}

void LanguageModel::score_many(std::span<Scoring> scorings) {
  for (Scoring& each : scorings)
    each.status = score(*each.sequence, each.tokens, each.targets, each.scores, each.by);
}

}  // namespace anemone::lm
