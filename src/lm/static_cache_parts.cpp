#include "lm/static_cache_parts.h"

#include "base/error.h"

namespace anemone::lm {

bool gives_all_rows(const std::optional<Pipeline>& block) {
  return block && block->rows() > 1 && block->logits_rows() == block->rows();
}

Status check_vocabularies(const StaticCacheParts& parts) {
  if (!parts.step || parts.step->vocab_size() == 0 || !gives_all_rows(parts.block)) return {};
  if (parts.step->vocab_size() == parts.block->vocab_size()) return {};
  return fail(ErrorCode::mismatch, "one token gives {} logits, a row of a block {}",
              parts.step->vocab_size(), parts.block->vocab_size());
}

}  // namespace anemone::lm
