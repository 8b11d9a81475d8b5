#include "anemone/evaluate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/peak_memory.h"
#include "eval/asked_task.h"
#include "eval/codec.h"
#include "eval/engine.h"
#include "eval/questionnaire.h"
#include "eval/report.h"
#include "eval/results.h"
#include "eval/run_plan.h"
#include "eval/shard/shard_file.h"
#include "eval/store/answer_questions.h"

namespace anemone::eval {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Value special_token(const text::Tokenizer& tokenizer, const char* role, std::optional<int32_t> id) {
  const auto& tokens = tokenizer.special_tokens();
  const auto found = tokens.find(role);
  return Value::array({found == tokens.end() ? Value() : Value(found->second),
                       id ? std::to_string(*id) : std::string("None")});
}

/// One run over several tasks.
class Run {
 public:
  Run(lm::LanguageModel& model, const text::Tokenizer& tokenizer, const Options& options,
      const ProgressSink& progress, const LogSink& log)
      : model_(model), tokenizer_(tokenizer), options_(options), progress_(progress), log_(log) {}

  Result<Report> run() {
    if (options_.shard) ANEMONE_RETURN_IF_ERROR(check_shard(*options_.shard));
    ANEMONE_RETURN_IF_ERROR(prepare());
    ANEMONE_TRY(tasks_, open_tasks(plan_, options_, log_));
    if (options_.shard) divide(*options_.shard);
    ANEMONE_TRY(const Codec codec, codec_of(tokenizer_));
    ANEMONE_TRY(record_.max_length, input_limit(record_.model.context_length, options_.max_length));
    ANEMONE_TRY(auto engine, Engine::create(model_, codec, options_.kv_budget_bytes));
    Questionnaire questionnaire(codec, record_.max_length);
    ANEMONE_RETURN_IF_ERROR(put_questions(tasks_, questionnaire, progress_));
    ANEMONE_RETURN_IF_ERROR(open_store());
    const Status answered = answer(questionnaire, engine);
    std::vector<TaskRecord> records;
    for (AskedTask& asked : tasks_) {
      if (asked.record)
        records.push_back(*std::move(asked.record));
      else if (record_.interrupted.empty())
        record_.interrupted = asked.task.config().task;
      else
        record_.not_run.push_back(asked.task.config().task);
    }
    const bool stopped = !answered.ok() && answered.error().code == ErrorCode::interrupted;
    if (!answered.ok() && (!stopped || records.empty()))
      return Status(answered).in(record_.interrupted).error();
    note_execution();
    record_.work.tokens_run = engine.tokens_run();
    record_.work.seconds = seconds_since(start_);
    record_.work.peak_memory_bytes = peak_memory_bytes();
    Report report = make_report(record_, records);
    if (options_.shard && report.interrupted.empty())
      report.shard_lines =
          shard_lines({*options_.shard, build_results(record_, records), options_.num_fewshot,
                       record_.groups, std::move(shard_tasks_)});
    return report;
  }

 private:
  Status prepare() {
    record_.model = model_.info();
    record_.tokenizer_sha256 = tokenizer_.sha256();
    record_.options = options_;
    record_.start_seconds =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    record_.model_args = {{"path", record_.model.path.string()},
                          {"numerics", runtime::to_string(record_.model.numerics)}};
    note_execution();
    if (options_.max_length > 0) record_.model_args["max_length"] = options_.max_length;
    record_.bos_token = special_token(tokenizer_, "bos_token", tokenizer_.bos_id());
    record_.eos_token = special_token(tokenizer_, "eos_token", tokenizer_.eos_id());
    record_.pad_token = special_token(tokenizer_, "pad_token", tokenizer_.pad_id());
    record_.end_token_id = tokenizer_.eos_id() ? Value(*tokenizer_.eos_id()) : Value();
    ANEMONE_TRY(plan_, plan_run(options_, tokenizer_, record_.model_args, log_));
    record_.gen_kwargs = plan_.gen_kwargs;
    record_.chat_template = plan_.chat_template;
    record_.groups = plan_.groups;
    record_.multiturn = options_.apply_chat_template && plan_.prompt.multiturn;
    return {};
  }

  /// What runs the model, as far as is known by now.
  void note_execution() {
    record_.model.execution = model_.execution();
    if (record_.model.execution.backend == runtime::Backend::cpu) return;
    record_.model_args["backend"] = runtime::to_string(record_.model.execution.backend);
    record_.model_args["compute_units"] = runtime::to_string(record_.model.execution.compute_units);
  }

  /// Leaves the documents of a shard.
  void divide(const Shard& shard) {
    for (AskedTask& asked : tasks_) {
      std::vector<DocumentRequests>& documents = asked.answers.documents;
      shard_tasks_.push_back({facts_of(asked.task), describe(asked.task, documents), {}});
      keep_shard(shard, asked.task.config().task, documents);
    }
  }

  Status open_store() {
    if (options_.answers.empty()) return {};
    if (record_.model.hash.empty())
      return fail(ErrorCode::invalid_argument,
                  "answers are kept by the digest of the model, which was opened without one");
    const std::filesystem::path folder = options_.answers.parent_path();
    std::error_code code;
    if (!folder.empty()) std::filesystem::create_directories(folder, code);
    if (code) return fail(ErrorCode::io, "{}: {}", folder.string(), code.message());
    ANEMONE_TRY(auto store,
                AnswerStore::open(options_.answers, answer_scope(record_.model, tokenizer_)));
    if (options_.resume)
      log_(LogLevel::info,
           fmt::format("{}: {} of this model{}", options_.answers.string(),
                       counted(store.size(), "answer"),
                       store.foreign() == 0
                           ? std::string()
                           : fmt::format(", {} of others, which do not count", store.foreign())));
    store_.emplace(std::move(store));
    return {};
  }

  /// Answers all questions; a task is scored when its last one is answered. Errors: interrupted.
  Status answer(const Questionnaire& questionnaire, Engine& engine) {
    const auto questions = questionnaire.questions();
    std::vector<Response> answers(questions.size());
    for (size_t i = 0; i < tasks_.size(); ++i)
      if (tasks_[i].open_questions == 0) finish(i, questionnaire, answers);
    Clock::time_point last = Clock::now();
    const auto answered = [&](size_t index, Response&& response) -> Status {
      AskedTask& asked = tasks_[questions[index].task];
      asked.work.tokens_alone += response.generated_tokens;
      asked.work.tokens_logits_cache += response.generated_tokens;
      asked.work.tokens_run += response.tokens_run;
      asked.work.stored_answers += response.is_stored ? 1 : 0;
      answers[index] = std::move(response);
      const Clock::time_point now = Clock::now();
      asked.work.seconds += std::chrono::duration<double>(now - std::exchange(last, now)).count();
      if (--asked.open_questions == 0) finish(questions[index].task, questionnaire, answers);
      return {};
    };
    const auto told = [&](uint64_t done, uint64_t total) {
      if (!progress_) return true;
      const auto running = std::ranges::find_if(
          tasks_, [](const AskedTask& asked) { return !asked.record.has_value(); });
      return progress_({"evaluate", done, total, "tokens",
                        running == tasks_.end() ? "" : running->task.config().task});
    };
    AnswerCounts counts;
    Status status = answer_questions(engine, questions, store_ ? &*store_ : nullptr,
                                     options_.resume, answered, told, counts);
    record_.work.stored_answers = counts.stored;
    if (counts.retried > 0)
      log_(LogLevel::warning,
           fmt::format("the model failed on {}, which {} asked once more",
                       counted(counts.retried, "question"), counts.retried == 1 ? "was" : "were"));
    return status;
  }

  /// Scores a task; a shard keeps what the scores are made of for the merge.
  TaskOutcome score(size_t index) {
    const AskedTask& asked = tasks_[index];
    std::vector<DocumentOutcome> documents = score_documents(asked.task, asked.answers);
    if (options_.shard) {
      shard_tasks_[index].documents = documents;
      if (!options_.log_samples)
        for (DocumentOutcome& document : shard_tasks_[index].documents)
          for (FilteredDocument& filtered : document.filters) filtered.sample.clear();
    }
    return summarize(facts_of(asked.task), std::move(documents), options_.bootstrap_iterations);
  }

  void finish(size_t index, const Questionnaire& questionnaire, std::span<Response> answers) {
    const Clock::time_point start = Clock::now();
    AskedTask& asked = tasks_[index];
    asked.answers.responses = questionnaire.responses(index, answers);
    TaskRecord& record = asked.record.emplace(record_of(asked.task));
    record.outcome = score(index);
    asked.answers = {};
    record.work = asked.work;
    record.work.seconds += seconds_since(start);
    record_.work.tokens_alone += record.work.tokens_alone;
    record_.work.tokens_logits_cache += record.work.tokens_logits_cache;
    record_.work.truncated_requests += record.work.truncated_requests;
    log_(LogLevel::debug,
         fmt::format("{}: {} scored in {:.1f} s, {} run", record.outcome.name,
                     counted(static_cast<uint64_t>(record.outcome.effective), "document"),
                     record.work.seconds, counted(record.work.tokens_run, "token")));
  }

  lm::LanguageModel& model_;
  const text::Tokenizer& tokenizer_;
  const Options& options_;
  const ProgressSink& progress_;
  const LogSink& log_;
  const Clock::time_point start_ = Clock::now();
  RunPlan plan_;
  RunRecord record_;
  std::vector<AskedTask> tasks_;
  std::vector<ShardTask> shard_tasks_;  ///< in step with tasks_; of a shard.
  std::optional<AnswerStore> store_;
};

}  // namespace

std::string_view harness_version() { return "0.4.13"; }

Result<Report> evaluate(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                        const Options& options, const ProgressSink& progress, const LogSink& log) {
  try {
    return Run(model, tokenizer, options, progress, log).run();
  } catch (const Value::exception& error) {
    return fail(ErrorCode::mismatch, "a value has the wrong type: {}", error.what());
  }
}

}  // namespace anemone::eval
