#include "eval/run_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "eval/codec.h"
#include "eval/dataset.h"
#include "eval/generation.h"
#include "eval/json_text.h"
#include "eval/python_format.h"
#include "eval/python_literal.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

/// Replicates of a bootstrap are held at once; the harness has 100,000.
constexpr int64_t kMostReplicates = 10'000'000;

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
  if (parsed->empty()) return fail(ErrorCode::invalid_argument, "samples: no task is named");
  for (const auto& [task, list] : parsed->items()) {
    if (!list.is_array())
      return fail(ErrorCode::invalid_argument, "samples: those of '{}' are no list", task);
    if (list.empty())
      return fail(ErrorCode::invalid_argument, "samples: '{}' has no document", task);
    for (const Value& index : list) {
      if (!index.is_number_integer())
        return fail(ErrorCode::invalid_argument, "samples: '{}' holds {}, expected numbers", task,
                    python::to_repr(index));
      samples[task].push_back(index.get<int64_t>());
    }
  }
  return samples;
}

Status check_numbers(const Options& options) {
  if (options.limit && !options.samples.empty())
    return fail(ErrorCode::invalid_argument, "limit and samples exclude each other");
  if (options.limit == 0.0)
    return with_hint(fail(ErrorCode::invalid_argument, "limit 0: no document"),
                     "without a limit all documents are scored");
  if (options.limit && !(*options.limit > 0 && std::isfinite(*options.limit) &&
                         (*options.limit < 1 || *options.limit == std::floor(*options.limit))))
    return fail(ErrorCode::invalid_argument, "limit {}, expected a whole number or a share below 1",
                *options.limit);
  if (options.num_fewshot && *options.num_fewshot < 0)
    return fail(ErrorCode::invalid_argument, "num fewshot {}", *options.num_fewshot);
  if (options.bootstrap_iterations > kMostReplicates)
    return fail(ErrorCode::invalid_argument, "{} bootstrap iterations, expected at most {}",
                options.bootstrap_iterations, kMostReplicates);
  return {};
}

Status set_prompt(const Options& options, const text::Tokenizer& tokenizer, const LogSink& log,
                  RunPlan& plan) {
  plan.prompt.system_instruction = options.system_instruction;
  if (!options.apply_chat_template) return {};
  ANEMONE_TRY(plan.prompt.chat, chat_of(tokenizer, options.chat_template, log));
  plan.prompt.multiturn = options.fewshot_as_multiturn.value_or(true);
  const auto& templates = tokenizer.chat_templates();
  const auto used =
      templates.find(options.chat_template.empty() ? "default" : options.chat_template);
  if (used != templates.end()) plan.chat_template = used->second;
  return {};
}

Result<ParsedTask> parsed_task(const CatalogueEntry& entry, const Options& options,
                               const Value& gen_kwargs, const Value& model_args) {
  TaskOverrides overrides;
  overrides.num_fewshot = options.num_fewshot;
  overrides.generation_kwargs = gen_kwargs;
  overrides.model_args = model_args;
  overrides.source = entry.source;
  overrides.predict_only = options.predict_only;
  ANEMONE_TRY(ParsedTask parsed, parse_task(entry.config, overrides));
  if (parsed.config.output_type == OutputType::generate_until) {
    auto understood = parse_generation(parsed.config.generation_kwargs);
    if (!understood.ok()) return std::move(understood).error();
  }
  return parsed;
}

Status check_task_names(const RunPlan& plan) {
  for (const auto& [task, list] : plan.samples) {
    const auto named = [&](const PlannedTask& planned) { return planned.entry.name == task; };
    if (std::none_of(plan.tasks.begin(), plan.tasks.end(), named))
      return fail(ErrorCode::invalid_argument, "samples name the task '{}', which is not run",
                  task);
  }
  return {};
}

}  // namespace

Status check_data_folder(const TaskPlaces& places) {
  std::error_code ignored;
  if (places.data.empty() || std::filesystem::is_directory(places.data, ignored)) return {};
  const bool there = std::filesystem::exists(places.data, ignored);
  return fail(ErrorCode::not_found, "data {}: {}", places.data.string(),
              there ? "no folder" : "no such folder");
}

Result<RunPlan> plan_run(const Options& options, const text::Tokenizer& tokenizer,
                         const Value& model_args, const LogSink& log) {
  RunPlan plan;
  ANEMONE_RETURN_IF_ERROR(check_numbers(options));
  ANEMONE_RETURN_IF_ERROR(check_data_folder(options.places));
  ANEMONE_TRY(plan.samples, parse_samples(options.samples));
  ANEMONE_TRY(plan.gen_kwargs, parse_gen_kwargs(options.gen_kwargs));
  ANEMONE_RETURN_IF_ERROR(set_prompt(options, tokenizer, log, plan));
  ANEMONE_TRY(const Catalogue catalogue, Catalogue::build(options.places.include_paths, log));
  ANEMONE_TRY(const auto entries, catalogue.select(options.tasks));
  ANEMONE_TRY(SelectedTasks selected, expand_groups(catalogue, entries));
  if (selected.tasks.empty()) return fail(ErrorCode::invalid_argument, "no task is named");
  plan.groups = std::move(selected.groups);
  for (CatalogueEntry& entry : selected.tasks) {
    auto parsed = parsed_task(entry, options, plan.gen_kwargs, model_args);
    if (!parsed.ok())
      return std::move(parsed).in(fmt::format("{} ({})", entry.name, entry.source)).error();
    plan.tasks.push_back({std::move(entry), std::move(parsed).value()});
  }
  ANEMONE_RETURN_IF_ERROR(check_task_names(plan));
  const auto generates = [](const PlannedTask& task) {
    return task.parsed.config.output_type == OutputType::generate_until;
  };
  if (!plan.gen_kwargs.empty() && std::ranges::none_of(plan.tasks, generates))
    log(LogLevel::warning, "gen kwargs change nothing: no task of this run generates text");
  return plan;
}

Status check_options(const Options& options, const text::Tokenizer& tokenizer) {
  const LogSink silent = [](LogLevel, std::string_view) {};
  ANEMONE_TRY(const RunPlan plan, plan_run(options, tokenizer, Value(), silent));
  const DataPlaces places = data_places(options.places.data);
  for (const PlannedTask& task : plan.tasks) {
    auto data = Dataset::open(task.parsed.config, task.entry, places);
    if (!data.ok())
      return std::move(data).in(fmt::format("{} ({})", task.entry.name, task.entry.source)).error();
  }
  return {};
}

}  // namespace anemone::eval
