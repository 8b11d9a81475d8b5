#include "lm/static_cache_model.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "lm/greedy.h"
#include "lm/loader.h"
#include "lm/saved_tokens.h"
#include "lm/token_check.h"

namespace anemone::lm {

runtime::Execution StaticCacheModel::execution() const {
  return join_executions(carrier_.parts().packages);
}

std::unique_ptr<Sequence> StaticCacheModel::new_sequence() {
  const StaticCacheParts& parts = carrier_.parts();
  return std::make_unique<CachedSequence>(parts.empty_state.clone(),
                                          parts.window > 0 ? parts.window : -1,
                                          parts.rows_are_positions, info().context_length);
}

Status StaticCacheModel::check_extension(const Sequence& sequence, std::span<const int32_t> tokens,
                                         Rows rows) const {
  ANEMONE_RETURN_IF_ERROR(check_tokens(info(), sequence.length(), tokens));
  if (rows == Rows::none || info().gives_logits) return {};
  return with_hint(
      fail(ErrorCode::unsupported,
           "{}: this model gives only the arg max of each part of its vocabulary, no logits",
           info().name),
      "convert it without the arg max inside; `anemone run` works greedily");
}

Status StaticCacheModel::check_scoring(const Sequence& sequence, std::span<const int32_t> tokens,
                                       std::span<const int32_t> targets,
                                       std::span<const TokenScore> scores, ScoreBy by) const {
  ANEMONE_RETURN_IF_ERROR(
      check_extension(sequence, tokens, scores_blocks(by) ? Rows::none : Rows::all));
  return check_targets(info(), tokens, targets, scores);
}

Trip StaticCacheModel::append(Sequence& sequence, std::span<const int32_t> tokens, Rows rows,
                              RowSink* sink) const {
  auto& cached = static_cast<CachedSequence&>(sequence);
  const int64_t before = cached.length();
  cached.append(tokens);
  // A cached prefix may end before `before` (after a rollback); rows wanted start at first_row all
  // the same.
  const int64_t first_row = rows == Rows::all    ? before
                            : rows == Rows::last ? cached.length() - 1
                                                 : cached.length();
  return {&cached, cached.length(), first_row, sink};
}

Status StaticCacheModel::extend(Sequence& sequence, std::span<const int32_t> tokens, Rows rows,
                                std::span<float> logits) {
  ANEMONE_RETURN_IF_ERROR(check_extension(sequence, tokens, rows));
  if (tokens.empty()) return {};
  const int64_t before = sequence.length();
  KeptRows kept(logits, info().vocab_size);
  Status status =
      carrier_.carry(append(sequence, tokens, rows, rows == Rows::none ? nullptr : &kept));
  if (!status.ok()) sequence.truncate(before);
  return status;
}

Result<int32_t> StaticCacheModel::extend_greedy(Sequence& sequence,
                                                std::span<const int32_t> tokens) {
  ANEMONE_RETURN_IF_ERROR(check_tokens(info(), sequence.length(), tokens));
  if (tokens.empty()) return fail(ErrorCode::invalid_argument, "no token to continue from");
  if (info().gives_logits) return extend_by_logits(*this, sequence, tokens);
  const int64_t before = sequence.length();
  const Status status = carrier_.carry(append(sequence, tokens, Rows::last, nullptr));
  if (!status.ok()) {
    sequence.truncate(before);
    return status.error();
  }
  auto token = carrier_.argmax(sequence.length());
  if (!token.ok()) sequence.truncate(before);
  return token;
}

Status StaticCacheModel::score(Sequence& sequence, std::span<const int32_t> tokens,
                               std::span<const int32_t> targets, std::span<TokenScore> scores,
                               ScoreBy by) {
  ANEMONE_RETURN_IF_ERROR(check_scoring(sequence, tokens, targets, scores, by));
  if (tokens.empty()) return {};
  const int64_t before = sequence.length();
  rows_.resize(static_cast<size_t>(info().vocab_size));
  ScoredRows scored(rows_, targets, scores);
  const Trip trip = append(sequence, tokens, Rows::all, &scored);
  Status status;
  if (scores_blocks(by)) {
    BlockScoring scoring{trip.sequence, before, targets, scores};
    carrier_.score_blocks(std::span(&scoring, 1), std::span(&status, 1));
  } else {
    status = carrier_.carry(trip);
  }
  if (!status.ok()) sequence.truncate(before);
  return status;
}

void StaticCacheModel::extend_many(std::span<Extension> extensions) {
  kept_.clear();
  kept_.reserve(extensions.size());  // trips point into it
  for (Extension& each : extensions) {
    each.status = check_extension(*each.sequence, each.tokens, each.rows);
    if (!each.status.ok() || each.tokens.empty()) continue;
    kept_.emplace_back(each.logits, info().vocab_size);
    before_.push_back(each.sequence->length());
    trips_.push_back(append(*each.sequence, each.tokens, each.rows,
                            each.rows == Rows::none ? nullptr : &kept_.back()));
    results_.push_back(&each.status);
  }
  carry_many();
}

void StaticCacheModel::score_many(std::span<Scoring> scorings) {
  const auto width = static_cast<size_t>(info().vocab_size);
  rows_.resize(std::max(rows_.size(), width * scorings.size()));
  scored_.clear();
  scored_.reserve(scorings.size());  // trips point into it
  const auto append_those = [&](bool blocks) {
    for (Scoring& each : scorings) {
      if (scores_blocks(each.by) != blocks) continue;
      each.status = check_scoring(*each.sequence, each.tokens, each.targets, each.scores, each.by);
      if (!each.status.ok() || each.tokens.empty()) continue;
      scored_.emplace_back(std::span(rows_).subspan(width * scored_.size(), width), each.targets,
                           each.scores);
      before_.push_back(each.sequence->length());
      trips_.push_back(append(*each.sequence, each.tokens, Rows::all, &scored_.back()));
      if (blocks)
        blocks_.push_back({trips_.back().sequence, before_.back(), each.targets, each.scores});
      results_.push_back(&each.status);
    }
  };
  append_those(true);
  statuses_.assign(trips_.size(), Status());
  carrier_.score_blocks(blocks_, statuses_);
  blocks_.clear();
  hand_out();
  append_those(false);
  carry_many();
}

uint64_t StaticCacheModel::saved_token_bytes() const {
  const StaticCacheParts& parts = carrier_.parts();
  if (!parts.rows_are_positions || parts.window > 0) return 0;  // a rotation moves rows
  return token_bytes(parts.empty_state, info().context_length);
}

void StaticCacheModel::save(const Sequence& sequence, int64_t begin, int64_t end,
                            std::span<std::byte> bytes) const {
  const auto& cached = static_cast<const CachedSequence&>(sequence);
  ANEMONE_CHECK(begin >= 0 && begin <= end && end <= cached.cached(), "saved tokens are computed");
  save_tokens(cached.state(), begin, end, bytes);
}

std::unique_ptr<Sequence> StaticCacheModel::restore(
    std::span<const int32_t> tokens, std::span<const std::span<const std::byte>> pieces) {
  auto sequence = new_sequence();
  auto& cached = static_cast<CachedSequence&>(*sequence);
  const auto count = static_cast<int64_t>(tokens.size());
  ANEMONE_CHECK(count <= info().context_length, "saved tokens fit into the context");
  int64_t restored = 0;
  for (const auto piece : pieces) restored += restore_tokens(piece, restored, cached.state());
  ANEMONE_CHECK(restored == count, "the pieces hold all tokens");
  cached.append(tokens);
  cached.set_cached(count);
  cached.use_rows(count);
  return sequence;
}

void StaticCacheModel::carry_many() {
  statuses_.assign(trips_.size(), Status());
  carrier_.carry_many(trips_, statuses_);
  hand_out();
}

void StaticCacheModel::hand_out() {
  for (size_t i = 0; i < trips_.size(); ++i) {
    if (!statuses_[i].ok()) trips_[i].sequence->truncate(before_[i]);
    *results_[i] = std::move(statuses_[i]);
  }
  trips_.clear();
  before_.clear();
  results_.clear();
}

}  // namespace anemone::lm
