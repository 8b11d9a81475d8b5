#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "anemone/generate.h"
#include "generate/compiled_constraints.h"

namespace anemone::generate {

/// Which tokens the constraint of an answer allows at each row of logits that a step of the model
/// gives. Computed on the compiler's thread between `begin` and the first `apply`, while the model
/// runs. A steady step allocates nothing here.
class AllowedTokens final : Background::Work {
 public:
  static constexpr size_t kMostForcedTokens = CompiledConstraints::kMostForcedTokens;

  /// For answers whose steps have at most `most_rows` rows; the constraint and its compiler (null:
  /// one is made) are those of `options`. Errors: see ConstraintCompiler.
  static Result<std::unique_ptr<AllowedTokens>> start(const Options& options,
                                                      const text::Tokenizer& tokenizer,
                                                      int64_t vocab_size, size_t most_rows);
  ~AllowedTokens() override;

  /// How many tokens of `draft` the constraint would allow, one after the other.
  Result<size_t> valid_prefix(std::span<const int32_t> draft);
  /// Row 0 follows what was accepted, row i the first i tokens of `draft`, all of which are valid.
  void begin(std::span<const int32_t> draft);
  /// Takes the tokens that must not be chosen out of one row of logits.
  Status apply(size_t row, std::span<float> logits);
  /// `token` was chosen and ends no generation. Gives the tokens that must follow it, until the
  /// next call, and goes on behind them.
  Result<std::span<const int32_t>> accept(int32_t token);
  /// The tokens that an answer must begin with, behind which this begins.
  std::span<const int32_t> beginning() const { return beginning_; }
  /// Before anything else: begins at the beginning, where the model chooses all tokens.
  Status forget_beginning();
  /// Nothing may follow.
  bool complete() const { return matcher_.complete(); }

  int64_t mask_ns() const { return mask_ns_; }
  int64_t wait_ns() const { return wait_ns_; }

 private:
  AllowedTokens(std::unique_ptr<CompiledConstraints> own, CompiledConstraints& compiler,
                CompiledConstraints::Start start, size_t most_rows);
  void run() override;
  Result<std::span<const int32_t>> accept_forced();
  Status compute_masks();
  void join();

  std::unique_ptr<CompiledConstraints> own_compiler_;
  CompiledConstraints& compiler_;
  text::GrammarMatcher matcher_;
  std::vector<int32_t> beginning_;
  size_t words_;
  std::vector<uint32_t> masks_;  ///< [rows, words_].
  std::vector<int32_t> draft_;
  std::vector<int32_t> forced_;
  bool begun_ = false;
  std::atomic<bool> dropped_ = false;  ///< nobody waits for the masks any more.
  Status status_;
  int64_t mask_ns_ = 0;
  int64_t wait_ns_ = 0;
};

}  // namespace anemone::generate
