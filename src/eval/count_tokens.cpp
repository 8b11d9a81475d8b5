#include <chrono>

#include "anemone/evaluate.h"
#include "base/error.h"
#include "eval/asked_task.h"
#include "eval/block_walk.h"
#include "eval/codec.h"
#include "eval/token_tree.h"

namespace anemone::eval {

Result<TokenReport> count_tokens(const text::Tokenizer& tokenizer, const Options& options,
                                 int64_t score_block_tokens, const ProgressSink& progress,
                                 const LogSink& log) {
  const auto start = std::chrono::steady_clock::now();
  if (options.max_length < 1)
    return fail(ErrorCode::invalid_argument, "max length {}: without a model it must be given",
                options.max_length);
  ANEMONE_TRY(const RunPlan plan, plan_run(options, tokenizer, Value(), log));
  ANEMONE_TRY(auto tasks, open_tasks(plan, options, log));
  ANEMONE_TRY(const Codec codec, codec_of(tokenizer));
  Questionnaire questionnaire(codec, options.max_length);
  ANEMONE_RETURN_IF_ERROR(put_questions(tasks, questionnaire, progress, log));
  const auto questions = questionnaire.questions();
  lm::ModelInfo model;
  model.score_block_tokens = score_block_tokens;
  std::vector<uint32_t> by_blocks;
  std::vector<uint32_t> by_logits;
  for (uint32_t index = 0; index < questions.size(); ++index) {
    const Question& question = questions[index];
    const bool blocks =
        !question.generates() && scores_by_blocks(question.continuation().size(), model);
    (blocks ? by_blocks : by_logits).push_back(index);
  }
  for (const BlockGroup& group : block_groups(questions, by_blocks))
    tasks[questions[group.questions[0]].task].work.tokens_run += tokens_of(group, questions);
  const TokenTree tree(questions, by_logits);
  for (uint32_t i = TokenTree::kRoot + 1; i < tree.node_count(); ++i) {
    const TokenTree::Node& node = tree.node(i);
    tasks[questions[node.sample].task].work.tokens_run += tree.input_end(node) - node.begin;
  }
  TokenReport report;
  report.failed_requests = questionnaire.failed_requests();
  for (const Question& question : questions)
    if (question.generates())
      report.most_generated += static_cast<uint64_t>(question.generation->most_tokens);
  for (const AskedTask& asked : tasks) {
    report.tasks.push_back({asked.task.config().task,
                            static_cast<int64_t>(asked.answers.documents.size()), asked.work});
    report.work.tokens_run += asked.work.tokens_run;
    report.work.tokens_alone += asked.work.tokens_alone;
    report.work.tokens_logits_cache += asked.work.tokens_logits_cache;
    report.work.truncated_requests += asked.work.truncated_requests;
  }
  report.work.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace anemone::eval
