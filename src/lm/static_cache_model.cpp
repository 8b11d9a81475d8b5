#include "lm/static_cache_model.h"

#include <algorithm>

#include "base/error.h"
#include "lm/greedy.h"
#include "lm/token_check.h"

namespace anemone::lm {

namespace {

bool gives_all_rows(const std::optional<Pipeline>& block) {
  return block && block->rows() > 1 && block->logits_rows() == block->rows();
}

}  // namespace

Status check_vocabularies(const StaticCacheParts& parts) {
  if (!parts.step || parts.step->vocab_size() == 0 || !gives_all_rows(parts.block)) return {};
  if (parts.step->vocab_size() == parts.block->vocab_size()) return {};
  return fail(ErrorCode::mismatch, "one token gives {} logits, a row of a block {}",
              parts.step->vocab_size(), parts.block->vocab_size());
}

StaticCacheModel::StaticCacheModel(StaticCacheParts parts, bool single_steps)
    : parts_(std::move(parts)), single_steps_(single_steps && parts_.step.has_value()) {
  block_gives_rows_ = parts_.info.gives_logits && gives_all_rows(parts_.block);
  if (parts_.score && !single_steps_) parts_.info.score_block_tokens = parts_.score->rows();
}

std::unique_ptr<Sequence> StaticCacheModel::new_sequence() {
  return std::make_unique<CachedSequence>(parts_.empty_state.clone(),
                                          parts_.window > 0 ? parts_.window : -1);
}

bool StaticCacheModel::block_fits(int64_t position, int64_t remaining, bool rows_wanted) const {
  if (!parts_.block || (single_steps_ && parts_.step)) return false;
  if (rows_wanted && !block_gives_rows_) return false;
  const int64_t rows = parts_.block->rows();
  if (!parts_.step) return true;
  if (remaining < rows || position + rows > parts_.info.context_length) return false;
  return parts_.window == 0 || position + rows <= parts_.window;
}

Pipeline* StaticCacheModel::smaller_block(int64_t position, int64_t remaining, bool rows_wanted) {
  if (single_steps_ || rows_wanted || !parts_.step) return nullptr;
  const auto fits = [&](const Pipeline& block) {
    return block.rows() <= remaining && position + block.rows() <= parts_.info.context_length;
  };
  const auto found = std::ranges::find_if(parts_.smaller_blocks, fits);
  return found == parts_.smaller_blocks.end() ? nullptr : &*found;
}

Status StaticCacheModel::advance_block(CachedSequence& sequence, int64_t position,
                                       int64_t first_row, RowSink* sink) {
  const int64_t rows = parts_.block->rows();
  // A block that would pass the end of the context starts earlier and computes some rows again.
  const int64_t start = std::min(position, parts_.info.context_length - rows);
  const int64_t end = std::min(start + rows, sequence.length());
  padded_.assign(static_cast<size_t>(rows), 0);
  const auto tokens =
      sequence.tokens().subspan(static_cast<size_t>(start), static_cast<size_t>(end - start));
  std::ranges::copy(tokens, padded_.begin());
  ANEMONE_RETURN_IF_ERROR(parts_.block->run(padded_, start, sequence.state()));
  counters_.prefill_tokens += static_cast<uint64_t>(rows);
  ++counters_.calls;
  for (int64_t row = std::max(first_row, position); row < end && sink != nullptr; ++row) {
    parts_.block->copy_logits(row - start, sink->place(row - first_row));
    ANEMONE_RETURN_IF_ERROR(sink->take(row - first_row));
  }
  sequence.set_cached(end);
  return {};
}

Status StaticCacheModel::advance(CachedSequence& sequence, int64_t end, int64_t first_row,
                                 RowSink* sink) {
  while (sequence.cached() < end) {
    const int64_t position = sequence.cached();
    const int64_t before_rows = std::max<int64_t>(first_row - position, 0);
    const bool rows_wanted = before_rows == 0;
    const int64_t remaining =
        rows_wanted || block_gives_rows_ ? end - position : std::min(before_rows, end - position);
    if (block_fits(position, remaining, rows_wanted)) {
      ANEMONE_RETURN_IF_ERROR(advance_block(sequence, position, first_row, sink));
      continue;
    }
    if (Pipeline* const block = smaller_block(position, remaining, rows_wanted)) {
      const auto count = static_cast<size_t>(block->rows());
      ANEMONE_RETURN_IF_ERROR(
          block->run(sequence.tokens().subspan(static_cast<size_t>(position), count), position,
                     sequence.state()));
      counters_.prefill_tokens += count;
      ++counters_.calls;
      sequence.set_cached(position + block->rows());
      continue;
    }
    const bool rotates = parts_.step_rotate && position >= parts_.window;
    Pipeline& step = rotates ? *parts_.step_rotate : *parts_.step;
    const Status status = step.run(sequence.tokens().subspan(static_cast<size_t>(position), 1),
                                   position, sequence.state());
    if (!status.ok()) {
      if (rotates) sequence.set_cached(0);  // chunks before the one that failed have shifted theirs
      return status;
    }
    ++counters_.step_tokens;
    ++counters_.calls;
    sequence.set_cached(position + 1);
    if (!rows_wanted || sink == nullptr) continue;
    step.copy_logits(0, sink->place(position - first_row));
    ANEMONE_RETURN_IF_ERROR(sink->take(position - first_row));
  }
  return {};
}

Status StaticCacheModel::check(const Sequence& sequence, std::span<const int32_t> tokens) const {
  return check_tokens(parts_.info, sequence.length(), tokens);
}

Status StaticCacheModel::check_gives_logits() const {
  if (parts_.info.gives_logits) return {};
  return with_hint(
      fail(ErrorCode::unsupported,
           "{}: this model gives only the arg max of each part of its vocabulary, no logits",
           parts_.info.name),
      "convert it without the arg max inside; `anemone run` works greedily");
}

Status StaticCacheModel::extend(Sequence& sequence, std::span<const int32_t> tokens, Rows rows,
                                std::span<float> logits) {
  ANEMONE_RETURN_IF_ERROR(check(sequence, tokens));
  if (rows != Rows::none) ANEMONE_RETURN_IF_ERROR(check_gives_logits());
  if (tokens.empty()) return {};
  auto& cached = static_cast<CachedSequence&>(sequence);
  const int64_t before = cached.length();
  cached.append(tokens);
  const int64_t first_row = rows == Rows::all    ? before
                            : rows == Rows::last ? cached.length() - 1
                                                 : cached.length();
  // A cached prefix may end before `before` (after a rollback); rows wanted start at first_row all
  // the same.
  KeptRows kept(logits, parts_.info.vocab_size);
  Status status = advance(cached, cached.length(), first_row, rows == Rows::none ? nullptr : &kept);
  if (!status.ok()) cached.truncate(before);
  return status;
}

Result<int32_t> StaticCacheModel::extend_greedy(Sequence& sequence,
                                                std::span<const int32_t> tokens) {
  ANEMONE_RETURN_IF_ERROR(check(sequence, tokens));
  if (tokens.empty()) return fail(ErrorCode::invalid_argument, "no token to continue from");
  if (parts_.info.gives_logits) return extend_by_logits(*this, sequence, tokens);
  auto& cached = static_cast<CachedSequence&>(sequence);
  const int64_t before = cached.length();
  cached.append(tokens);
  const Status status = advance(cached, cached.length(), cached.length() - 1, nullptr);
  if (!status.ok()) {
    cached.truncate(before);
    return status.error();
  }
  const bool rotated = parts_.step_rotate && cached.length() > parts_.window;
  auto token = (rotated ? *parts_.step_rotate : *parts_.step).argmax(parts_.argmax_parts);
  if (!token.ok()) cached.truncate(before);
  return token;
}

Status StaticCacheModel::score(Sequence& sequence, std::span<const int32_t> tokens,
                               std::span<const int32_t> targets, std::span<TokenScore> scores,
                               ScoreBy by) {
  ANEMONE_RETURN_IF_ERROR(check(sequence, tokens));
  ANEMONE_RETURN_IF_ERROR(check_targets(parts_.info, tokens, targets, scores));
  const bool by_blocks = by == ScoreBy::blocks && parts_.info.score_block_tokens > 0;
  if (!by_blocks) ANEMONE_RETURN_IF_ERROR(check_gives_logits());
  if (tokens.empty()) return {};
  auto& cached = static_cast<CachedSequence&>(sequence);
  const int64_t before = cached.length();
  cached.append(tokens);
  row_.resize(by_blocks ? 0 : static_cast<size_t>(parts_.info.vocab_size));
  ScoredRows scored(row_, targets, scores);
  Status status = by_blocks ? score_blocks(cached, before, targets, scores)
                            : advance(cached, cached.length(), before, &scored);
  if (!status.ok()) cached.truncate(before);
  return status;
}

Status StaticCacheModel::score_blocks(CachedSequence& sequence, int64_t first,
                                      std::span<const int32_t> targets,
                                      std::span<TokenScore> scores) {
  const int64_t rows = parts_.score->rows();
  const auto start_of = [&](int64_t position) {
    return std::min(position / rows * rows, parts_.info.context_length - rows);
  };
  ANEMONE_RETURN_IF_ERROR(advance(sequence, start_of(first), start_of(first), nullptr));
  for (int64_t position = first; position < sequence.length();) {
    const int64_t start = start_of(position);
    const int64_t end = std::min(start + rows, sequence.length());
    padded_.assign(static_cast<size_t>(rows), 0);
    padded_targets_.assign(static_cast<size_t>(rows), 0);
    for (int64_t at = start; at < end; ++at) {
      const auto row = static_cast<size_t>(at - start);
      padded_[row] = sequence.tokens()[static_cast<size_t>(at)];
      if (at >= first) padded_targets_[row] = targets[static_cast<size_t>(at - first)];
    }
    ANEMONE_RETURN_IF_ERROR(parts_.score->run(padded_, start, sequence.state(), padded_targets_));
    counters_.prefill_tokens += static_cast<uint64_t>(rows);
    ++counters_.calls;
    sequence.set_cached(std::max(sequence.cached(), end));
    for (; position < end; ++position) {
      const auto at = static_cast<size_t>(position - first);
      ANEMONE_TRY(scores[at], parts_.score->score(position - start, targets[at]));
    }
  }
  return {};
}

}  // namespace anemone::lm
