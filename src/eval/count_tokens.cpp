#include <chrono>
#include <numeric>

#include "anemone/evaluate.h"
#include "base/error.h"
#include "eval/asked_task.h"
#include "eval/codec.h"
#include "eval/ways.h"

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
  ANEMONE_RETURN_IF_ERROR(put_questions(tasks, questionnaire, progress));
  const auto questions = questionnaire.questions();
  std::vector<uint32_t> all(questions.size());
  std::iota(all.begin(), all.end(), 0u);
  const std::vector<uint64_t> tokens = tokens_to_run(questions, all, score_block_tokens);
  for (const uint32_t index : all) tasks[questions[index].task].work.tokens_run += tokens[index];
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
