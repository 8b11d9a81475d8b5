#include <chrono>
#include <numeric>

#include "anemone/evaluate.h"
#include "base/error.h"
#include "eval/asked_task.h"
#include "eval/codec.h"
#include "eval/token_tree.h"

namespace anemone::eval {

Result<TokenReport> count_tokens(const text::Tokenizer& tokenizer, const Options& options,
                                 const ProgressSink& progress, const LogSink& log) {
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
  std::vector<uint32_t> all(questions.size());
  std::iota(all.begin(), all.end(), 0u);
  const TokenTree tree(questions, all);
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
