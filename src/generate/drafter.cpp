#include "generate/drafter.h"

#include <algorithm>

#include "base/error.h"

namespace anemone::generate {
namespace {

/// Shorter ends occur by chance, longer ones make no better guesses.
constexpr size_t kLeastMatch = 2;
constexpr size_t kMostMatch = 8;
/// A single token is looked for so far around the place where the last guess would have gone on.
constexpr size_t kWindow = 6;

/// After so many useless drafts in a row each doubles the pause.
constexpr size_t kPatience = 2;
constexpr size_t kMostPause = 64;

}  // namespace

size_t LookupDrafter::find_end(std::span<const int32_t> tokens, size_t searched) const {
  size_t best_end = 0;
  size_t best_length = kLeastMatch - 1;
  for (size_t end = searched; end-- > 1;) {
    size_t length = 0;
    while (length < kMostMatch && length < end &&
           tokens[end - 1 - length] == tokens[tokens.size() - 1 - length])
      ++length;
    if (length <= best_length) continue;
    best_length = length;
    best_end = end;
    if (length == kMostMatch) break;
  }
  return best_end;
}

size_t LookupDrafter::find_single(std::span<const int32_t> tokens, size_t searched) const {
  const int32_t last = tokens.back();
  if (last_end_ > 0) {
    const size_t expected = last_end_ + tokens.size() - last_tokens_;
    for (size_t away = 0; away <= kWindow; ++away)
      for (const size_t end : {expected + away, expected - std::min(away, expected)})
        if (end > 0 && end < searched && tokens[end - 1] == last) return end;
    return 0;
  }
  const auto earlier = tokens.first(std::min(searched, tokens.size() - 1));
  const auto found = std::ranges::find(earlier, last);
  if (found == earlier.end() || std::find(found + 1, earlier.end(), last) != earlier.end())
    return 0;
  const size_t end = static_cast<size_t>(found - earlier.begin()) + 1;
  return end < searched ? end : 0;
}

Status LookupDrafter::propose(std::span<const int32_t> tokens, size_t most,
                              std::vector<int32_t>& draft) {
  draft.clear();
  const size_t searched = prompt_only_ ? std::min(prompt_tokens_, tokens.size()) : tokens.size();
  size_t end = find_end(tokens, searched);
  if (end == 0) end = find_single(tokens, searched);
  if (end == 0) return {};
  last_end_ = end;
  last_tokens_ = tokens.size();
  const auto found = tokens.subspan(end, std::min(most, searched - end));
  draft.assign(found.begin(), found.end());
  return {};
}

Status ModelDrafter::propose(std::span<const int32_t> tokens, size_t most,
                             std::vector<int32_t>& draft) {
  draft.clear();
  const auto context = static_cast<size_t>(model_.info().context_length);
  if (tokens.size() >= context) return {};
  const auto rollback = static_cast<uint64_t>(sequence_->rollback_limit());
  if (tokens.size() + most > rollback) return {};  // guesses could not be taken back
  most = std::min(most, context - tokens.size());
  const auto known = sequence_->tokens();
  const auto [theirs, ours] = std::ranges::mismatch(known, tokens);
  // The last token is fed again, since it says what follows.
  const size_t common = std::min(static_cast<size_t>(theirs - known.begin()), tokens.size() - 1);
  sequence_->truncate(static_cast<int64_t>(common));
  auto fed = tokens.subspan(common);
  while (draft.size() < most) {
    ANEMONE_TRY(const int32_t next, likeliest(fed));
    draft.push_back(next);
    fed = std::span(draft).last(1);
  }
  return {};
}

Result<int32_t> ModelDrafter::likeliest(std::span<const int32_t> tokens) {
  if (!model_.info().gives_logits) return model_.extend_greedy(*sequence_, tokens);
  row_.resize(static_cast<size_t>(model_.info().vocab_size));
  ANEMONE_RETURN_IF_ERROR(model_.extend(*sequence_, tokens, lm::Rows::last, row_));
  return lm::best_token(row_);
}

size_t DraftLength::next() {
  if (pause_ == 0) return length_;
  --pause_;
  return 0;
}

void DraftLength::learn(size_t drafted, size_t accepted) {
  if (drafted == 0) return;
  if (accepted == drafted)
    length_ = std::min(most_, length_ * 2 + 1);
  else
    length_ = std::max<size_t>(1, std::min(length_, accepted + 1));
  failures_ = accepted == 0 ? failures_ + 1 : 0;
  if (failures_ >= kPatience)
    pause_ = std::min(kMostPause, size_t{1} << std::min<size_t>(failures_ - kPatience + 1, 6));
}

}  // namespace anemone::generate
