#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "anemone/generate.h"

namespace anemone::generate {

/// Guesses tokens, which the model then verifies.
class Drafter {
 public:
  virtual ~Drafter() = default;
  /// Writes at most `most` tokens that may follow `tokens` to `draft`; none where it has no guess.
  virtual Status propose(std::span<const int32_t> tokens, size_t most,
                         std::vector<int32_t>& draft) = 0;
};

/// The tokens that followed the longest end of the text where it occurred before, the last time
/// (Saxena 2023, prompt lookup decoding). For the first guess a single token will do that occurs
/// once, and later one near to where the last guess would have gone on: a correction replaces a
/// word and goes on behind it.
/// `prompt_only`: occurrences in the prompt alone count.
class LookupDrafter final : public Drafter {
 public:
  LookupDrafter(size_t prompt_tokens, bool prompt_only)
      : prompt_tokens_(prompt_tokens), prompt_only_(prompt_only) {}
  Status propose(std::span<const int32_t> tokens, size_t most,
                 std::vector<int32_t>& draft) override;

 private:
  /// Behind the longest occurrence of the end of `tokens` that ends at `searched` or before; 0 for
  /// none.
  size_t find_end(std::span<const int32_t> tokens, size_t searched) const;
  size_t find_single(std::span<const int32_t> tokens, size_t searched) const;

  size_t prompt_tokens_;
  bool prompt_only_;
  size_t last_end_ = 0;     ///< where the last guess was taken from; 0: there was none.
  size_t last_tokens_ = 0;  ///< how long the text was then.
};

/// The likeliest tokens by a smaller model of the same vocabulary.
class ModelDrafter final : public Drafter {
 public:
  explicit ModelDrafter(lm::LanguageModel& model)
      : model_(model), sequence_(model.new_sequence()) {}
  Status propose(std::span<const int32_t> tokens, size_t most,
                 std::vector<int32_t>& draft) override;

 private:
  /// The likeliest token after `tokens`, which are appended.
  Result<int32_t> likeliest(std::span<const int32_t> tokens);

  lm::LanguageModel& model_;
  std::unique_ptr<lm::Sequence> sequence_;
  std::vector<float> row_;
};

/// How many tokens are worth drafting, learnt from what became of the last drafts.
class DraftLength {
 public:
  explicit DraftLength(size_t most) : most_(most), length_(std::min<size_t>(most, 3)) {}
  /// Of the next draft; 0: none this time.
  size_t next();
  /// Of `drafted` tokens `accepted` were right.
  void learn(size_t drafted, size_t accepted);

 private:
  size_t most_;
  size_t length_;
  size_t failures_ = 0;  ///< drafts in a row of which nothing was right.
  size_t pause_ = 0;     ///< steps without a draft.
};

}  // namespace anemone::generate
