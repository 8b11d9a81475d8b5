#include "eval/model_path.h"

#include <algorithm>

namespace anemone::eval {
namespace {

size_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

ModelPath::ModelPath(lm::LanguageModel& model, uint64_t budget_bytes)
    : model_(&model), budget_bytes_(budget_bytes), sequence_(model.new_sequence()) {}

Status ModelPath::extend(std::span<const int32_t> tokens, lm::Rows rows, std::span<float> logits) {
  tokens_run_ += tokens.size();
  return model_->extend(*sequence_, tokens, rows, logits);
}

void ModelPath::drop_copy() {
  copied_bytes_ -= copies_.back()->size_bytes();
  copies_.pop_back();
}

/// Leaves copies of what `tokens` begins with.
void ModelPath::trim_copies(std::span<const int32_t> tokens) {
  while (!copies_.empty()) {
    lm::Sequence& copy = *copies_.back();
    const auto shared = static_cast<int64_t>(common_prefix(copy.tokens(), tokens));
    if (shared == copy.length()) return;
    const bool shorter = copies_.size() > 1 && shared <= copies_[copies_.size() - 2]->length();
    if (shared == 0 || shorter || copy.length() > copy.rollback_limit()) {
      drop_copy();
      continue;
    }
    copied_bytes_ -= copy.size_bytes();
    copy.truncate(shared);
    copied_bytes_ += copy.size_bytes();
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
      sequence_ = copies_.back()->fork();
    }
  }
  if (length() == tokens.size()) return {};
  return extend(tokens.subspan(length()), lm::Rows::none, {});
}

void ModelPath::keep() {
  if (length() == 0 || (!copies_.empty() && copies_.back()->length() == sequence_->length()))
    return;
  if (sequence_->size_bytes() > budget_bytes_ - std::min(budget_bytes_, copied_bytes_)) return;
  copies_.push_back(sequence_->fork());
  copied_bytes_ += copies_.back()->size_bytes();
}

}  // namespace anemone::eval
