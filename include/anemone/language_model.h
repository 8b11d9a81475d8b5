#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "anemone/result.h"

/// A language model whatever its form: tokens in, logits out, and a state that can be forked.
namespace anemone::lm {

/// What a model is, for reports.
struct ModelInfo {
  std::string name;
  std::filesystem::path path;
  std::string form;  ///< "anemll", "anemll-monolithic", "stateful", "plain", "checkpoint", …
  std::string architecture;
  int64_t vocab_size = 0;
  int64_t context_length = 0;        ///< most tokens one sequence may have.
  int64_t prefill_block_tokens = 0;  ///< 0: no prefill function.
  /// Tokens of a call of the function that `score` runs; 0: scores are made from logits.
  int64_t score_block_tokens = 0;
  std::string hash;  ///< `blake3:` and 64 digits, over the packages' files and meta.yaml; or empty.
  uint64_t weight_bytes = 0;
  runtime::Numerics numerics = runtime::Numerics::fp16;
  runtime::Execution execution;  ///< of its packages together, when it was opened.
  bool gives_logits = true;      ///< false when only the arg max of each part leaves the model.
};

/// Counts of work, for reports: each token counts once per function call that carried it.
struct WorkCounters {
  uint64_t prefill_tokens = 0;
  uint64_t step_tokens = 0;
  uint64_t calls = 0;
};

/// One sequence: its tokens so far and the model's memory of them. Belongs to the model that made
/// it.
class Sequence {
 public:
  virtual ~Sequence() = default;
  virtual std::span<const int32_t> tokens() const = 0;
  int64_t length() const { return static_cast<int64_t>(tokens().size()); }
  /// An independent copy.
  virtual std::unique_ptr<Sequence> fork() const = 0;
  /// Forgets all tokens from `length` on. What the model cannot roll back it computes again at the
  /// next `extend`. CHECKs 0 <= length <= this->length().
  virtual void truncate(int64_t length) = 0;
  /// Up to this length `truncate` keeps what the model has of the tokens that are left.
  virtual int64_t rollback_limit() const { return std::numeric_limits<int64_t>::max(); }
  virtual uint64_t size_bytes() const = 0;
  /// Brings what a backend holds of the sequence to where LanguageModel::save reads it. Errors:
  /// those of the backend; then there is nothing to save, and no call takes the sequence.
  virtual Status sync() const { return {}; }
};

/// Which rows of `extend` are wanted.
enum class Rows : uint8_t {
  none,  ///< only advance.
  last,  ///< logits after the last of the new tokens: [1, V].
  all,   ///< logits after every new token: [T, V].
};

/// What a model says of one token that follows others.
struct TokenScore {
  double log_probability = 0;  ///< in nats, under the softmax of the logits.
  bool greedy = false;         ///< it is the first of the likeliest tokens.
  friend bool operator==(const TokenScore&, const TokenScore&) = default;
};

/// The score of `token` under `logits`; summed in double. Errors: out_of_range (no such token; NaN
/// or an infinite maximum among the logits; a token without probability).
Result<TokenScore> score_token(std::span<const float> logits, int32_t token);

/// The first of the largest logits. Errors: out_of_range (NaN, which no comparison can rank).
Result<int32_t> best_token(std::span<const float> logits);

/// Where `score` takes scores from.
enum class ScoreBy : uint8_t {
  blocks,  ///< a function of the package that scores whole blocks, if there is one.
  logits,  ///< the rows of logits that `extend` would give.
};

/// One sequence's share of LanguageModel::extend_many.
struct Extension {
  Sequence* sequence = nullptr;
  std::span<const int32_t> tokens;
  Rows rows = Rows::none;
  std::span<float> logits;
  Status status;  ///< the result.
};

/// One sequence's share of LanguageModel::score_many.
struct Scoring {
  Sequence* sequence = nullptr;
  std::span<const int32_t> tokens;
  std::span<const int32_t> targets;
  std::span<TokenScore> scores;
  ScoreBy by = ScoreBy::blocks;
  Status status;  ///< the result.
};

/// The interface of every form. Scores do not depend on how a sequence was cut into calls: rows are
/// computed by the same arithmetic whether a block or a step carried them, as far as the artifact
/// does. Not thread-safe; Sequences of one model may be interleaved.
class LanguageModel {
 public:
  struct Options {
    runtime::Options runtime;
    /// Carry every token by the one-token function, never by blocks.
    bool single_steps = false;
    /// Fill ModelInfo::hash, which reads every file of the model.
    bool hash = true;
    /// An adapter in any known format, a folder or a file, merged into the weights of a checkpoint.
    /// Empty: none but the one that the checkpoint names itself.
    std::filesystem::path adapter;
    /// Most tokens of a sequence, for a checkpoint; 0: its own bound, at most 2,048. Packages carry
    /// their own.
    int64_t context = 0;
  };

  /// Opens an ANEMLL directory, a `.mlpackage` or a `.mlmodelc` that is a language model, or a
  /// Hugging Face checkpoint (also one with an adapter), whose program is built in memory and runs
  /// in fp32 whatever the options say. Errors: as package::open and runtime::Model::load, of a
  /// checkpoint all faults of its config and tensors; unsupported when the interface is none of the
  /// known forms (names what was found); mismatch between parts, meta.yaml among them (names both
  /// values); invalid_argument (an adapter or a context for packages; a context past the positions
  /// that the checkpoint knows).
  static Result<std::unique_ptr<LanguageModel>> open(const std::filesystem::path& path,
                                                     const Options& options);
  virtual ~LanguageModel() = default;

  virtual const ModelInfo& info() const = 0;
  /// What runs it, as far as is known by now: functions that were loaded and calls that were
  /// repeated since it was opened are in it, which ModelInfo::execution does not know.
  virtual runtime::Execution execution() const { return info().execution; }
  virtual std::unique_ptr<Sequence> new_sequence() = 0;

  /// Appends tokens and writes the wanted rows to `logits` (fp32, row-major, rows * V values; empty
  /// for Rows::none). Errors: out_of_range (token id, or more tokens than the context holds),
  /// unsupported (logits of a model that gives only arg max), and those of running. After an error
  /// the sequence is as before.
  virtual Status extend(Sequence& sequence, std::span<const int32_t> tokens, Rows rows,
                        std::span<float> logits) = 0;

  /// Appends tokens and returns the arg max after the last one; ties go to the lowest id. Errors:
  /// as `extend`, and out_of_range when the model gives numbers without an order (NaN). After an
  /// error the sequence is as before.
  virtual Result<int32_t> extend_greedy(Sequence& sequence, std::span<const int32_t> tokens) = 0;

  /// Appends tokens; scores[i] is that of targets[i] after tokens[i]: targets are the tokens
  /// shifted by one, and then one more.
  ///
  /// ScoreBy::blocks, where the package has a function that scores (ModelInfo::score_block_tokens >
  /// 0): all scores come from it, however few, and no logits leave the model. Its results are
  /// rounded to their type, fp16 by up to 0.02 a token. Its calls begin at multiples of the block
  /// (the last of a context ends with the context) and are padded after the sequence; so a token at
  /// position p is always row p modulo the block of the same call, which depends on its position
  /// and the tokens before it alone. Tokens of that block that the sequence already had are
  /// computed again, to the same values. ScoreBy::logits, and all models without such a function:
  /// score_token of the rows that `extend` would give, without keeping them.
  ///
  /// Either way scores do not depend on how the tokens were cut into calls, nor on what was run
  /// before; but the two ways differ by their rounding, so a caller chooses by its request alone.
  ///
  /// Errors: as `extend`, invalid_argument (three spans of different lengths), out_of_range (a
  /// target, or numbers that `score_token` refuses). After an error the sequence is as before.
  virtual Status score(Sequence& sequence, std::span<const int32_t> tokens,
                       std::span<const int32_t> targets, std::span<TokenScore> scores, ScoreBy by);

  /// `extend` or `score` of several sequences, none of which occurs twice, with the results of
  /// separate calls, bit by bit. Models that can carry them in lockstep read each weight once for
  /// all. The others are not affected by the error of one.
  virtual void extend_many(std::span<Extension> extensions);
  virtual void score_many(std::span<Scoring> scorings);

  /// Bytes of what the model remembers of one token; 0 when its memory cannot be cut by tokens.
  virtual uint64_t saved_token_bytes() const { return 0; }
  /// Copies what the model remembers of tokens [begin, end) of `sequence`, one after the other, to
  /// `bytes` [(end - begin) * saved_token_bytes()]. CHECKs the range and the size; needs
  /// saved_token_bytes() > 0 and a success of Sequence::sync.
  virtual void save(const Sequence& sequence, int64_t begin, int64_t end,
                    std::span<std::byte> bytes) const;
  /// A sequence of `tokens`, what `save` made of each of them lying in `pieces` one after the other
  /// [tokens.size() * saved_token_bytes()]: it goes on as the one that was saved, bit by bit.
  /// CHECKs the size; needs saved_token_bytes() > 0.
  virtual std::unique_ptr<Sequence> restore(std::span<const int32_t> tokens,
                                            std::span<const std::span<const std::byte>> pieces);

  virtual WorkCounters counters() const = 0;
};

}  // namespace anemone::lm
