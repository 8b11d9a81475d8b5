#include "generate/allowed_tokens.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "generate/clock.h"

namespace anemone::generate {
namespace {

constexpr size_t kWordTokens = 32;

}  // namespace

Result<std::unique_ptr<AllowedTokens>> AllowedTokens::start(const Options& options,
                                                            const text::Tokenizer& tokenizer,
                                                            int64_t vocab_size, size_t most_rows) {
  std::unique_ptr<CompiledConstraints> own;
  if (options.compiler == nullptr) {
    ANEMONE_TRY(own, CompiledConstraints::open(tokenizer, vocab_size));
  }
  auto& used = own != nullptr ? *own : static_cast<CompiledConstraints&>(*options.compiler);
  if (used.vocab_size() != vocab_size)
    return fail(ErrorCode::invalid_argument,
                "the constraint compiler is made for {} tokens, the model has {}",
                used.vocab_size(), vocab_size);
  ANEMONE_TRY(auto start, used.start(options.constraint, options.checked.get()));
  return std::unique_ptr<AllowedTokens>(
      new AllowedTokens(std::move(own), used, std::move(start), most_rows));
}

AllowedTokens::AllowedTokens(std::unique_ptr<CompiledConstraints> own,
                             CompiledConstraints& compiler, CompiledConstraints::Start start,
                             size_t most_rows)
    : own_compiler_(std::move(own)),
      compiler_(compiler),
      matcher_(std::move(start.matcher)),
      beginning_(std::move(start.beginning)),
      words_((static_cast<size_t>(compiler.vocab_size()) + kWordTokens - 1) / kWordTokens),
      masks_(most_rows * words_),
      forced_(kMostForcedTokens) {
  draft_.reserve(most_rows);
}

AllowedTokens::~AllowedTokens() {
  dropped_ = true;
  if (begun_) compiler_.background().drop(*this);
}

Result<size_t> AllowedTokens::valid_prefix(std::span<const int32_t> draft) {
  join();
  return matcher_.valid_prefix(draft);
}

void AllowedTokens::begin(std::span<const int32_t> draft) {
  join();
  ANEMONE_CHECK((draft.size() + 1) * words_ <= masks_.size(), "no more rows than were announced");
  draft_.assign(draft.begin(), draft.end());
  begun_ = true;
  compiler_.background().begin(*this);
}

void AllowedTokens::run() {
  const int64_t started_ns = now_ns();
  status_ = compute_masks();
  mask_ns_ += now_ns() - started_ns;
}

Status AllowedTokens::compute_masks() {
  const auto mask = [&](size_t row) {
    return matcher_.mask(std::span(masks_).subspan(row * words_, words_));
  };
  ANEMONE_RETURN_IF_ERROR(mask(0));
  size_t taken = 0;
  for (; taken < draft_.size() && !dropped_; ++taken) {
    ANEMONE_RETURN_IF_ERROR(matcher_.accept(std::span(draft_).subspan(taken, 1)));
    if (matcher_.complete()) {
      ++taken;  // nobody asks for what follows
      break;
    }
    ANEMONE_RETURN_IF_ERROR(mask(taken + 1));
  }
  return taken > 0 ? matcher_.take_back(taken) : Status();
}

void AllowedTokens::join() {
  if (!begun_) return;
  const int64_t started_ns = now_ns();
  compiler_.background().finish(*this);
  wait_ns_ += now_ns() - started_ns;
  begun_ = false;
}

Status AllowedTokens::apply(size_t row, std::span<float> logits) {
  join();
  if (!status_.ok()) return status_;
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const auto mask = std::span(masks_).subspan(row * words_, words_);
  for (size_t word = 0; word < words_; ++word) {
    const size_t begin = word * kWordTokens;
    const auto part = logits.subspan(begin, std::min(kWordTokens, logits.size() - begin));
    if (mask[word] == 0) {
      std::ranges::fill(part, kNever);
      continue;
    }
    for (uint32_t missing = ~mask[word]; missing != 0; missing &= missing - 1) {
      const auto token = static_cast<size_t>(std::countr_zero(missing));
      if (token < part.size()) part[token] = kNever;
    }
  }
  return {};
}

Result<std::span<const int32_t>> AllowedTokens::accept(int32_t token) {
  join();
  ANEMONE_RETURN_IF_ERROR(matcher_.accept({&token, 1}));
  return accept_forced();
}

Status AllowedTokens::forget_beginning() {
  const size_t count = std::exchange(beginning_, {}).size();
  return count > 0 ? matcher_.take_back(count) : Status();
}

Result<std::span<const int32_t>> AllowedTokens::accept_forced() {
  if (matcher_.complete()) return std::span<const int32_t>();
  ANEMONE_TRY(const size_t count, matcher_.forced(forced_));
  const auto forced = std::span<const int32_t>(forced_).first(count);
  if (count > 0) ANEMONE_RETURN_IF_ERROR(matcher_.accept(forced));
  return forced;
}

}  // namespace anemone::generate
