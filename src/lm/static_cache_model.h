#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "anemone/language_model.h"
#include "lm/cached_sequence.h"
#include "lm/pipeline.h"
#include "lm/row_sink.h"

namespace anemone::lm {

/// The pieces of a model with a fixed context whose cache lies in states.
struct StaticCacheParts {
  ModelInfo info;
  std::vector<std::shared_ptr<runtime::Model>> packages;  ///< kept alive for the runners.
  runtime::State empty_state;
  std::optional<Pipeline> step;          ///< one token.
  std::optional<Pipeline> step_rotate;   ///< one token at positions >= window.
  std::optional<Pipeline> block;         ///< info.prefill_block_tokens tokens.
  std::vector<Pipeline> smaller_blocks;  ///< for what does not fill `block`, the largest first.
  std::optional<Pipeline> score;         ///< gives scores of info.score_block_tokens tokens.
  int64_t window = 0;                    ///< rows of the rotating cache; 0 when nothing rotates.
  std::vector<int64_t> argmax_parts;  ///< sizes of the vocabulary's parts, for an arg max inside.
};

/// Errors: mismatch (a block whose rows are taken for logits has another vocabulary than the step).
Status check_vocabularies(const StaticCacheParts& parts);

/// The pieces that lie in the functions of one package (see is_static_cache), all but the hash.
/// Errors: mismatch (functions that do not fit together), unsupported (rotating functions; no
/// function that gives logits).
Result<StaticCacheParts> join_static_cache(std::shared_ptr<runtime::Model> model,
                                           const LanguageModel::Options& options);

/// ANEMLL directories, chunked or monolithic, and multi-function static exports.
///
/// Blocks carry full blocks only, at positions before the rotating window; every other token goes
/// by the step. A model without a step function pads its last block: rows after the sequence write
/// cache slots that the mask hides and later tokens overwrite.
class StaticCacheModel : public LanguageModel {
 public:
  StaticCacheModel(StaticCacheParts parts, bool single_steps);

  const ModelInfo& info() const override { return parts_.info; }
  std::unique_ptr<Sequence> new_sequence() override;
  Status extend(Sequence& sequence, std::span<const int32_t> tokens, Rows rows,
                std::span<float> logits) override;
  Result<int32_t> extend_greedy(Sequence& sequence, std::span<const int32_t> tokens) override;
  Status score(Sequence& sequence, std::span<const int32_t> tokens,
               std::span<const int32_t> targets, std::span<TokenScore> scores, ScoreBy by) override;
  WorkCounters counters() const override { return counters_; }

 private:
  /// Carries tokens [cached, end) of the sequence; those after them only along with a padded block.
  /// Rows from `first_row` on go to `sink`; null: none are wanted.
  Status advance(CachedSequence& sequence, int64_t end, int64_t first_row, RowSink* sink);
  Status advance_block(CachedSequence& sequence, int64_t position, int64_t first_row,
                       RowSink* sink);
  /// Carries all tokens and scores those from `first` on by the pass that scores.
  Status score_blocks(CachedSequence& sequence, int64_t first, std::span<const int32_t> targets,
                      std::span<TokenScore> scores);
  /// The largest of the smaller blocks for `remaining` tokens of which no rows are wanted; null:
  /// none fits.
  Pipeline* smaller_block(int64_t position, int64_t remaining, bool rows_wanted);
  bool block_fits(int64_t position, int64_t remaining, bool rows_wanted) const;
  Status check(const Sequence& sequence, std::span<const int32_t> tokens) const;
  Status check_gives_logits() const;

  StaticCacheParts parts_;
  bool single_steps_;
  bool block_gives_rows_;
  WorkCounters counters_;
  std::vector<int32_t> padded_;
  std::vector<int32_t> padded_targets_;
  std::vector<float> row_;  ///< one row of logits.
};

}  // namespace anemone::lm
