#include "anemone/evaluate.h"

#include <chrono>

#include "base/error.h"
#include "eval/codec.h"
#include "eval/outcome.h"
#include "eval/python_format.h"
#include "eval/results.h"
#include "eval/run_plan.h"
#include "eval/scorer.h"
#include "eval/templates.h"

namespace anemone::eval {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

uint64_t magnitude(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  return value < 0 ? 0 - bits : bits;
}

Value special_token(const text::Tokenizer& tokenizer, const char* role, std::optional<int32_t> id) {
  const auto& tokens = tokenizer.special_tokens();
  const auto found = tokens.find(role);
  return Value::array({found == tokens.end() ? Value() : Value(found->second),
                       id ? std::to_string(*id) : std::string("None")});
}

/// "1 document", "2 documents".
std::string counted(uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

Work difference(const TokenCounts& before, const TokenCounts& after, double seconds) {
  return {after.run - before.run, after.alone - before.alone,
          after.logits_cache - before.logits_cache, after.truncated - before.truncated, seconds};
}

/// One run over several tasks.
class Run {
 public:
  Run(lm::LanguageModel& model, const text::Tokenizer& tokenizer, const Options& options,
      const ProgressSink& progress, const LogSink& log)
      : model_(model), tokenizer_(tokenizer), options_(options), progress_(progress), log_(log) {}

  Result<Report> run() {
    ANEMONE_RETURN_IF_ERROR(prepare());
    ANEMONE_RETURN_IF_ERROR(open_tasks());
    ANEMONE_TRY(const Codec codec, codec_of(tokenizer_));
    ANEMONE_TRY(auto scorer, Scorer::create(model_, codec, options_.max_length));
    record_.max_length = scorer.max_length();
    for (size_t i = 0; i < tasks_.size(); ++i) {
      auto status = run_task(tasks_[i], scorer);
      if (status.ok()) continue;
      if (records_.empty()) return std::move(status).in(tasks_[i].task.config().task).error();
      record_.interrupted = tasks_[i].task.config().task;
      for (size_t k = i + 1; k < tasks_.size(); ++k)
        record_.not_run.push_back(tasks_[k].task.config().task);
      break;
    }
    record_.work = difference({}, scorer.counts(), seconds_since(start_));
    return report();
  }

 private:
  /// A task and what it asks.
  struct Asked {
    Task task;
    Answers answers;
  };

  Status prepare() {
    record_.model = model_.info();
    record_.options = options_;
    record_.start_seconds =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    record_.model_args = {{"path", record_.model.path.string()},
                          {"numerics", runtime::to_string(record_.model.numerics)}};
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

  /// Builds the requests of every task, so that a fault in one is found before the model runs.
  Status open_tasks() {
    const RenderTemplate render = task_templates();
    for (const PlannedTask& planned : plan_.tasks) {
      const CatalogueEntry& entry = planned.entry;
      auto task = Task::open(entry, planned.parsed, data_places(options_.places.data), render);
      if (!task.ok())
        return std::move(task).in(fmt::format("{} ({})", entry.name, entry.source)).error();
      log_(LogLevel::info,
           fmt::format("{}: {} of {}, {}", entry.name,
                       counted(task->documents().size(), "document"), task->data_origin(),
                       entry.builtin ? entry.source : "task file " + entry.source));
      auto documents = requests_of(*task);
      if (!documents.ok()) return std::move(documents).in(entry.name).error();
      tasks_.push_back({std::move(task).value(), {std::move(documents).value(), {}}});
    }
    return {};
  }

  Result<std::vector<DocumentRequests>> requests_of(const Task& task) {
    const TaskConfig& config = task.config();
    Selection selection;
    selection.limit = options_.limit;
    const auto chosen = plan_.samples.find(config.task);
    if (chosen != plan_.samples.end()) selection.samples = chosen->second;
    ANEMONE_TRY(const auto ids, select_documents(selection, task.documents().size()));
    ANEMONE_TRY(auto sampler, FewshotSampler::create(task, config.num_fewshot.value_or(0),
                                                     magnitude(options_.seeds[3])));
    return build_requests(task, ids, sampler, plan_.prompt);
  }

  /// Errors: interrupted.
  Status run_task(Asked& asked, Scorer& scorer) {
    const Clock::time_point start = Clock::now();
    const TokenCounts before = scorer.counts();
    ANEMONE_RETURN_IF_ERROR(answer(asked, scorer));
    TaskRecord record = record_of(asked.task);
    record.outcome = score_task(asked.task, asked.answers, options_.bootstrap_iterations);
    asked.answers = {};
    record.work = difference(before, scorer.counts(), seconds_since(start));
    if (record.work.truncated_requests > 0)
      log_(LogLevel::warning,
           fmt::format("{}: {} longer than {} tokens lost the beginning", record.outcome.name,
                       counted(record.work.truncated_requests, "request"), scorer.max_length()));
    log_(LogLevel::debug,
         fmt::format("{}: {} scored in {:.1f} s, {} run", record.outcome.name,
                     counted(static_cast<uint64_t>(record.outcome.effective), "document"),
                     record.work.seconds, counted(record.work.tokens_run, "token")));
    records_.push_back(std::move(record));
    return {};
  }

  Status answer(Asked& asked, Scorer& scorer) {
    const TaskConfig& config = asked.task.config();
    Answers& answers = asked.answers;
    uint64_t total = 0;
    for (const DocumentRequests& document : answers.documents) total += document.requests.size();
    uint64_t done = 0;
    for (const DocumentRequests& document : answers.documents) {
      if (progress_ && !progress_({config.task, done, total, "requests"}))
        return fail(ErrorCode::interrupted, "interrupted after {} of {} requests", done, total);
      answers.responses.push_back(scorer.run(config.output_type, document.requests));
      done += document.requests.size();
    }
    if (progress_) progress_({config.task, done, total, "requests"});
    return {};
  }

  Result<Report> report() {
    Report report;
    const Value results = build_results(record_, records_);
    report.model_name = results["model_name_sanitized"].get<std::string>();
    report.results = python::dumps(results, 2);
    report.table = format_report(results, options_.num_fewshot);
    report.work = record_.work;
    report.interrupted = record_.interrupted;
    report.not_run = record_.not_run;
    for (TaskRecord& record : records_) {
      TaskReport task;
      task.name = record.outcome.name;
      task.file = record.file;
      task.data = record.data;
      task.shots = record.shots;
      task.documents = record.outcome.original;
      task.evaluated = record.outcome.effective;
      task.scores = scores_of(record);
      for (FailedDocument& failed : record.outcome.failed)
        task.failed.push_back({failed.doc_id, std::move(failed.message)});
      task.work = record.work;
      if (options_.log_samples) task.samples = std::move(record.outcome.samples);
      report.tasks.push_back(std::move(task));
    }
    return report;
  }

  lm::LanguageModel& model_;
  const text::Tokenizer& tokenizer_;
  const Options& options_;
  const ProgressSink& progress_;
  const LogSink& log_;
  const Clock::time_point start_ = Clock::now();
  RunPlan plan_;
  RunRecord record_;
  std::vector<Asked> tasks_;
  std::vector<TaskRecord> records_;
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
