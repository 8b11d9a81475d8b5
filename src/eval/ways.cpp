#include "eval/ways.h"

#include "eval/block_walk.h"
#include "eval/token_tree.h"

namespace anemone::eval {

bool scores_by_blocks(size_t continuation_tokens, int64_t score_block_tokens) {
  return score_block_tokens > 0 && continuation_tokens >= static_cast<size_t>(score_block_tokens);
}

Ways divide(std::span<const Question> questions, std::span<const uint32_t> asked,
            int64_t score_block_tokens) {
  Ways ways;
  for (const uint32_t index : asked) {
    const Question& question = questions[index];
    const bool blocks = !question.generates() &&
                        scores_by_blocks(question.continuation().size(), score_block_tokens);
    (blocks ? ways.by_blocks : ways.by_logits).push_back(index);
  }
  return ways;
}

std::vector<uint64_t> tokens_to_run(std::span<const Question> questions,
                                    std::span<const uint32_t> asked, int64_t score_block_tokens) {
  std::vector<uint64_t> tokens(questions.size(), 0);
  const Ways ways = divide(questions, asked, score_block_tokens);
  for (const BlockGroup& group : block_groups(questions, ways.by_blocks))
    tokens[group.questions[0]] += tokens_of(group, questions);
  const TokenTree tree(questions, ways.by_logits);
  for (uint32_t i = TokenTree::kRoot + 1; i < tree.node_count(); ++i)
    tokens[tree.node(i).sample] += tree.input_end(tree.node(i)) - tree.node(i).begin;
  return tokens;
}

}  // namespace anemone::eval
