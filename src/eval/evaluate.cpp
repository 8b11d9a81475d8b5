#include "anemone/evaluate.h"

#include <chrono>
#include <map>

#include "base/error.h"
#include "eval/catalogue.h"
#include "eval/codec.h"
#include "eval/generation.h"
#include "eval/json_text.h"
#include "eval/outcome.h"
#include "eval/python_format.h"
#include "eval/python_literal.h"
#include "eval/python_text.h"
#include "eval/results.h"
#include "eval/scorer.h"
#include "eval/templates.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

uint64_t magnitude(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  return value < 0 ? 0 - bits : bits;
}

/// "a=1,b=x" as the harness reads it: numbers, true and false, else text.
Result<Value> parse_gen_kwargs(const std::string& given) {
  const std::string_view text = python::strip(given);
  if (text.empty()) return Value::object();
  if (text.starts_with('{')) {
    auto parsed = parse_json_text(text);
    if (!parsed.ok() || !parsed->is_object())
      return fail(ErrorCode::invalid_argument, "gen kwargs '{}' are no JSON object", given);
    return parsed;
  }
  Value kwargs = Value::object();
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view pair = text.substr(begin, end - begin);
    begin = end + 1;
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos)
      return fail(ErrorCode::invalid_argument, "gen kwargs '{}': expected key=value", pair);
    const std::string value(pair.substr(equals + 1));
    const std::string lowered = python::lower(value);
    auto number = python::literal_eval(value);
    Value parsed = value;
    if (lowered == "true" || lowered == "false")
      parsed = lowered == "true";
    else if (number.ok() && number->is_number())
      parsed = *number;
    kwargs[std::string(pair.substr(0, equals))] = std::move(parsed);
  }
  return kwargs;
}

Result<std::map<std::string, std::vector<int64_t>>> parse_samples(const std::string& given) {
  std::map<std::string, std::vector<int64_t>> samples;
  if (given.empty()) return samples;
  const auto parsed = parse_json_text(given);
  if (!parsed.ok() || !parsed->is_object())
    return fail(ErrorCode::invalid_argument, "samples: not a JSON object of task names");
  for (const auto& [task, list] : parsed->items()) {
    if (!list.is_array())
      return fail(ErrorCode::invalid_argument, "samples: those of '{}' are no list", task);
    for (const Value& index : list) {
      if (!index.is_number_integer())
        return fail(ErrorCode::invalid_argument, "samples: '{}' holds {}, expected numbers", task,
                    python::to_repr(index));
      samples[task].push_back(index.get<int64_t>());
    }
  }
  return samples;
}

Value special_token(const text::Tokenizer& tokenizer, const char* role, std::optional<int32_t> id) {
  const auto& tokens = tokenizer.special_tokens();
  const auto found = tokens.find(role);
  return Value::array({found == tokens.end() ? Value() : Value(found->second),
                       id ? std::to_string(*id) : std::string("None")});
}

std::string dataset_name(const TaskConfig& task) {
  return task.dataset_name.empty() ? task.dataset_path
                                   : fmt::format("{} ({})", task.dataset_path, task.dataset_name);
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
      if (!status.ok()) return std::move(status).in(tasks_[i].config().task).error();
    }
    record_.work = difference({}, scorer.counts(), seconds_since(start_));
    return report();
  }

 private:
  Status prepare() {
    if (options_.limit && !options_.samples.empty())
      return fail(ErrorCode::invalid_argument, "limit and samples exclude each other");
    if (options_.limit && !(*options_.limit >= 0))
      return fail(ErrorCode::invalid_argument, "limit {}, expected a count or a share below 1",
                  *options_.limit);
    if (options_.num_fewshot && *options_.num_fewshot < 0)
      return fail(ErrorCode::invalid_argument, "num fewshot {}", *options_.num_fewshot);
    ANEMONE_TRY(samples_, parse_samples(options_.samples));
    ANEMONE_TRY(record_.gen_kwargs, parse_gen_kwargs(options_.gen_kwargs));
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
    prompt_.system_instruction = options_.system_instruction;
    if (!options_.apply_chat_template) return {};
    ANEMONE_TRY(prompt_.chat, chat_of(tokenizer_, options_.chat_template, log_));
    prompt_.multiturn = options_.fewshot_as_multiturn.value_or(true);
    record_.multiturn = prompt_.multiturn;
    const auto& templates = tokenizer_.chat_templates();
    const auto used =
        templates.find(options_.chat_template.empty() ? "default" : options_.chat_template);
    if (used != templates.end()) record_.chat_template = used->second;
    return {};
  }

  Status open_tasks() {
    ANEMONE_TRY(const Catalogue catalogue, Catalogue::build(options_.places.include_paths, log_));
    ANEMONE_TRY(const auto entries, catalogue.select(options_.tasks));
    if (entries.empty()) return fail(ErrorCode::invalid_argument, "no task is named");
    for (const auto& [task, list] : samples_) {
      const auto named = [&](const CatalogueEntry& entry) { return entry.name == task; };
      if (std::none_of(entries.begin(), entries.end(), named))
        return fail(ErrorCode::invalid_argument, "samples name the task '{}', which is not run",
                    task);
    }
    const RenderTemplate render = task_templates();
    for (const CatalogueEntry& entry : entries) {
      auto task = open_task(entry, render);
      if (!task.ok())
        return std::move(task).in(fmt::format("{} ({})", entry.name, entry.source)).error();
      log_(LogLevel::info,
           fmt::format("{}: {} documents of {}, task file {}", entry.name, task->documents().size(),
                       task->data_origin(), entry.source));
      tasks_.push_back(std::move(task).value());
    }
    return {};
  }

  Result<Task> open_task(const CatalogueEntry& entry, const RenderTemplate& render) {
    if (entry.kind == EntryKind::group)
      return with_hint(fail(ErrorCode::unsupported, "key 'group': groups of tasks"),
                       "name its tasks");
    TaskOverrides overrides;
    overrides.num_fewshot = options_.num_fewshot;
    overrides.generation_kwargs = record_.gen_kwargs;
    overrides.model_args = record_.model_args;
    overrides.source = entry.source;
    overrides.predict_only = options_.predict_only;
    ANEMONE_TRY(const ParsedTask parsed, parse_task(entry.config, overrides));
    if (parsed.config.output_type == OutputType::generate_until) {
      auto understood = parse_generation(parsed.config.generation_kwargs);
      if (!understood.ok()) return std::move(understood).error();
    }
    return Task::open(entry, parsed, data_places(options_.places.data), render);
  }

  Status run_task(const Task& task, Scorer& scorer) {
    const Clock::time_point start = Clock::now();
    const TokenCounts before = scorer.counts();
    const TaskConfig& config = task.config();
    Selection selection;
    selection.limit = options_.limit;
    const auto chosen = samples_.find(config.task);
    if (chosen != samples_.end()) selection.samples = chosen->second;
    ANEMONE_TRY(const auto ids, select_documents(selection, task.documents().size()));
    ANEMONE_TRY(auto sampler, FewshotSampler::create(task, config.num_fewshot.value_or(0),
                                                     magnitude(options_.seeds[3])));
    Answers answers;
    ANEMONE_TRY(answers.documents, build_requests(task, ids, sampler, prompt_));
    ANEMONE_RETURN_IF_ERROR(answer(task, scorer, answers));
    TaskRecord record;
    record.task = &task;
    ANEMONE_TRY(record.outcome, score_task(task, answers, options_.bootstrap_iterations));
    record.work = difference(before, scorer.counts(), seconds_since(start));
    for (const FailedDocument& failed : record.outcome.failed)
      log_(LogLevel::warning,
           fmt::format("{}: document {} failed: {}", config.task, failed.doc_id, failed.message));
    if (record.work.truncated_requests > 0)
      log_(LogLevel::warning,
           fmt::format("{}: {} requests are longer than {} tokens and lost their beginning",
                       config.task, record.work.truncated_requests, scorer.max_length()));
    records_.push_back(std::move(record));
    return {};
  }

  Status answer(const Task& task, Scorer& scorer, Answers& answers) {
    uint64_t total = 0;
    for (const DocumentRequests& document : answers.documents) total += document.requests.size();
    uint64_t done = 0;
    for (const DocumentRequests& document : answers.documents) {
      if (progress_ && !progress_({task.config().task, done, total, "requests"}))
        return fail(ErrorCode::interrupted, "interrupted after {} of {} requests", done, total);
      ANEMONE_TRY(auto responses, scorer.run(task.config().output_type, document.requests));
      answers.responses.push_back(std::move(responses));
      done += document.requests.size();
    }
    if (progress_) progress_({task.config().task, done, total, "requests"});
    return {};
  }

  static std::vector<Score> scores_of(const TaskRecord& record) {
    std::vector<Score> scores;
    for (const auto& [key, value] : record.outcome.metrics.items()) {
      const size_t comma = key.find(',');
      Score score;
      score.metric = key.substr(0, comma);
      score.filter = key.substr(comma + 1);
      if (score.metric.ends_with("_stderr")) {
        if (value.is_number()) scores.back().standard_error = value.get<double>();
        continue;
      }
      if (value.is_number()) score.value = value.get<double>();
      for (const MetricConfig& metric : record.task->config().metrics)
        if (metric.name == score.metric) score.higher_is_better = metric.higher_is_better;
      scores.push_back(std::move(score));
    }
    return scores;
  }

  Result<Report> report() {
    Report report;
    const Value results = build_results(record_, records_);
    report.model_name = results["model_name_sanitized"].get<std::string>();
    report.results = python::dumps(results, 2);
    report.table = format_report(results, options_.num_fewshot);
    report.work = record_.work;
    for (TaskRecord& record : records_) {
      TaskReport task;
      task.name = record.outcome.name;
      task.file = record.task->record()["metadata"]["config_source"].get<std::string>();
      task.data = record.task->data_origin();
      task.shots = record.task->config().num_fewshot.value_or(0);
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
  std::map<std::string, std::vector<int64_t>> samples_;
  PromptOptions prompt_;
  RunRecord record_;
  std::vector<Task> tasks_;
  std::vector<TaskRecord> records_;
};

}  // namespace

std::string_view harness_version() { return "0.4.13"; }

Result<std::vector<TaskInfo>> list_tasks(const TaskPlaces& places, const LogSink& log) {
  ANEMONE_TRY(const Catalogue catalogue, Catalogue::build(places.include_paths, log));
  std::vector<TaskInfo> tasks;
  for (const CatalogueEntry& entry : catalogue.entries()) {
    TaskInfo info;
    info.name = entry.name;
    info.file = entry.source;
    info.tags = entry.tags;
    if (entry.kind == EntryKind::task) {
      const auto parsed = parse_task(entry.config, {});
      if (parsed.ok()) {
        info.kind = to_string(parsed->config.output_type);
        info.dataset = dataset_name(parsed->config);
        const auto data = Dataset::open(parsed->config, entry, data_places(places.data));
        if (data.ok()) info.data_origin = data->origin();
      } else {
        info.kind = python::to_str(entry.config.value("output_type", Value("generate_until")));
        info.unsupported = parsed.error().message;
      }
    } else {
      info.kind = entry.kind == EntryKind::group ? "group" : "python";
      info.unsupported = entry.kind == EntryKind::group ? "groups of tasks" : "a Python class";
    }
    tasks.push_back(std::move(info));
  }
  return tasks;
}

Result<Report> evaluate(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                        const Options& options, const ProgressSink& progress, const LogSink& log) {
  return Run(model, tokenizer, options, progress, log).run();
}

}  // namespace anemone::eval
