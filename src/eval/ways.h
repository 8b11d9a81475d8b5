#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eval/question.h"

namespace anemone::eval {

/// Whether the scores of a continuation of so many tokens come from the model's function that
/// scores whole blocks: where it fills one (`score_block_tokens`, 0: there is none). The question
/// alone decides, because these scores are rounded otherwise than those of logits.
bool scores_by_blocks(size_t continuation_tokens, int64_t score_block_tokens);

/// Questions by the way in which they are answered, in the order in which they were asked.
struct Ways {
  std::vector<uint32_t> by_blocks;
  std::vector<uint32_t> by_logits;
};
Ways divide(std::span<const Question> questions, std::span<const uint32_t> asked,
            int64_t score_block_tokens);

/// By question, the tokens that run for it and for none before it, when those of `asked` are
/// answered together: of a beginning that several have, the first of them has all. A run takes no
/// more, and fewer where one way goes on from what the other has left.
std::vector<uint64_t> tokens_to_run(std::span<const Question> questions,
                                    std::span<const uint32_t> asked, int64_t score_block_tokens);

}  // namespace anemone::eval
