#include "eval/model_path.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"

namespace anemone::eval {
namespace {

size_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

/// Whether the sequence is `tokens`, or can be shortened to them.
bool leads_to(const lm::Sequence& sequence, std::span<const int32_t> tokens) {
  const auto known = sequence.tokens();
  if (known.size() < tokens.size() || common_prefix(known, tokens) < tokens.size()) return false;
  return known.size() == tokens.size() || sequence.length() <= sequence.rollback_limit();
}

}  // namespace

ModelPath::ModelPath(lm::LanguageModel& model, StateBudget& budget)
    : model_(&model), budget_(&budget), sequence_(model.new_sequence()) {}

uint64_t ModelPath::take_tokens_run() {
  return tokens_run_ - std::exchange(tokens_told_, tokens_run_);
}

bool ModelPath::forgets() const {
  return sequence_->rollback_limit() == std::numeric_limits<int64_t>::max();
}

Status ModelPath::extend(std::span<const int32_t> tokens, lm::Rows rows, std::span<float> logits) {
  tokens_run_ += tokens.size();
  return model_->extend(*sequence_, tokens, rows, logits);
}

lm::Extension ModelPath::extension(std::span<const int32_t> tokens, lm::Rows rows,
                                   std::span<float> logits) {
  tokens_run_ += tokens.size();
  return {sequence_.get(), tokens, rows, logits, {}};
}

lm::Scoring ModelPath::scoring(std::span<const int32_t> tokens, std::span<const int32_t> targets,
                               std::span<lm::TokenScore> scores) {
  tokens_run_ += tokens.size();
  return {sequence_.get(), tokens, targets, scores, lm::ScoreBy::blocks, {}};
}

const lm::Sequence* ModelPath::source_of(std::span<const int32_t> tokens) const {
  if (leads_to(*sequence_, tokens)) return sequence_.get();
  for (const Copy& copy : copies_)
    if (leads_to(*copy.sequence, tokens)) return copy.sequence.get();
  return nullptr;
}

void ModelPath::drop_copy() {
  budget_->give_back(copies_.back().bytes);
  copies_.pop_back();
}

/// Leaves copies of what `tokens` begins with.
void ModelPath::trim_copies(std::span<const int32_t> tokens) {
  while (!copies_.empty()) {
    lm::Sequence& copy = *copies_.back().sequence;
    const auto shared = static_cast<int64_t>(common_prefix(copy.tokens(), tokens));
    if (shared == copy.length()) return;
    const bool shorter =
        copies_.size() > 1 && shared <= copies_[copies_.size() - 2].sequence->length();
    if (shared == 0 || shorter || copy.length() > copy.rollback_limit()) {
      drop_copy();
      continue;
    }
    copy.truncate(shared);
  }
}

Status ModelPath::move_to(std::span<const int32_t> tokens) {
  trim_copies(tokens);
  const size_t shared = common_prefix(sequence_->tokens(), tokens);
  if (shared < length()) {
    if (forgets_at(length())) {
      sequence_->truncate(static_cast<int64_t>(shared));
    } else if (copies_.empty()) {
      sequence_->truncate(0);
    } else {
      sequence_.reset();  // its memory first
      sequence_ = copies_.back().sequence->fork();
    }
  }
  if (length() == tokens.size()) return {};
  return extend(tokens.subspan(length()), lm::Rows::none, {});
}

void ModelPath::join(const ModelPath& other, std::span<const int32_t> tokens) {
  const lm::Sequence* source = other.source_of(tokens);
  ANEMONE_CHECK(source != nullptr, "a path that reaches these tokens");
  while (!copies_.empty()) drop_copy();
  sequence_.reset();  // its memory first
  sequence_ = source->fork();
  if (length() > tokens.size()) sequence_->truncate(static_cast<int64_t>(tokens.size()));
}

void ModelPath::forget_all() {
  while (!copies_.empty()) drop_copy();
  sequence_->truncate(0);
}

void ModelPath::keep() {
  if (length() == 0 ||
      (!copies_.empty() && copies_.back().sequence->length() == sequence_->length()))
    return;
  const uint64_t bytes = sequence_->size_bytes();
  if (budget_->take(bytes)) copies_.push_back({sequence_->fork(), bytes});
}

}  // namespace anemone::eval
