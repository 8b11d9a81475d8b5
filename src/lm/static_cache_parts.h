#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "anemone/language_model.h"
#include "lm/pipeline.h"

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
  /// Row i of every cache belongs to token i, while it does not rotate; not known of all exports.
  bool rows_are_positions = false;
  std::vector<int64_t> argmax_parts;  ///< sizes of the vocabulary's parts, for an arg max inside.
};

/// Logits of every row leave the block.
bool gives_all_rows(const std::optional<Pipeline>& block);

/// Errors: mismatch (a block whose rows are taken for logits has another vocabulary than the step).
Status check_vocabularies(const StaticCacheParts& parts);

}  // namespace anemone::lm
