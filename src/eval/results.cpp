#include "eval/results.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <map>

#include "anemone/version.h"
#include "base/sha256.h"
#include "eval/file_name.h"
#include "eval/python_format.h"
#include "eval/python_text.h"
#include "eval/table.h"

namespace anemone::eval {
namespace {

/// The processor's name as Linux gives it; elsewhere the machine type.
std::string machine_name() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t colon = line.find(':');
    if (colon != std::string::npos)
      return std::string(python::strip(std::string_view(line).substr(colon + 1)));
  }
  utsname system{};
  return uname(&system) == 0 ? system.machine : "unknown";
}

std::string system_name() {
  utsname system{};
  return uname(&system) == 0 ? fmt::format("{} {}", system.sysname, system.release) : "unknown";
}

Value sorted(const std::map<std::string, Value>& entries) {
  Value out = Value::object();
  for (const auto& [name, value] : entries) out[name] = value;
  return out;
}

Value task_scores(const TaskRecord& record) {
  Value scores = {{"name", record.outcome.name},
                  {"alias", record.facts.alias},
                  {"sample_len", record.outcome.effective}};
  for (const auto& [key, value] : record.outcome.metrics.items()) scores[key] = value;
  if (!record.outcome.failed.empty()) scores["failed"] = record.outcome.failed.size();
  return scores;
}

Value directions(const TaskFacts& task) {
  Value out = Value::object();
  for (const TaskFacts::Metric& metric : task.metrics) out[metric.name] = metric.higher_is_better;
  return out;
}

Value failures(std::span<const TaskRecord> tasks) {
  Value out = Value::object();
  for (const TaskRecord& record : tasks) {
    if (record.outcome.failed.empty()) continue;
    Value documents = Value::array();
    for (const FailedDocument& failed : record.outcome.failed)
      documents.push_back({{"doc_id", failed.doc_id}, {"error", failed.message}});
    out[record.outcome.name] = std::move(documents);
  }
  return out;
}

/// What was run of what another way takes; generated tokens are in both. `is_whole`: of the same
/// requests; not where answers were there before, or tasks have been begun only.
Value work_counts(const Work& work, bool is_whole) {
  const auto share = [&](uint64_t other) {
    const bool known = is_whole && work.stored_answers == 0 && other > 0;
    return known ? Value(static_cast<double>(work.tokens_run) / static_cast<double>(other))
                 : Value();
  };
  const bool has_speed = work.seconds > 0 && work.tokens_run > 0;
  return {{"tokens_run", work.tokens_run},
          {"tokens_each_request_alone", work.tokens_alone},
          {"tokens_hf_with_logits_cache", work.tokens_logits_cache},
          {"share_of_each_request_alone", share(work.tokens_alone)},
          {"share_of_hf_with_logits_cache", share(work.tokens_logits_cache)},
          {"truncated_requests", work.truncated_requests},
          {"stored_answers", work.stored_answers},
          {"seconds", work.seconds},
          {"tokens_per_second",
           has_speed ? Value(static_cast<double>(work.tokens_run) / work.seconds) : Value()}};
}

Value run_config(const RunRecord& run) {
  const Options& options = run.options;
  return {{"model", "anemone"},
          {"model_args", run.model_args},
          {"model_num_parameters", nullptr},
          {"model_dtype", runtime::to_string(run.model.numerics)},
          {"model_revision", ""},
          {"model_sha", run.model.hash},
          {"batch_size", "1"},
          {"batch_sizes", Value::array()},
          {"device", run.model.execution.backend == runtime::Backend::cpu
                         ? "cpu"
                         : runtime::to_string(run.model.execution.compute_units)},
          {"use_cache", nullptr},
          {"limit", options.limit ? Value(*options.limit) : Value()},
          {"bootstrap_iters", options.bootstrap_iterations},
          {"gen_kwargs", run.gen_kwargs},
          {"random_seed", options.seeds[0]},
          {"numpy_seed", options.seeds[1]},
          {"torch_seed", options.seeds[2]},
          {"fewshot_seed", options.seeds[3]}};
}

Value task_provenance(std::span<const TaskRecord> tasks) {
  Value by_task = Value::object();
  for (const TaskRecord& record : tasks) {
    Value entry = {{"file", record.file}, {"data", record.data}};
    const Value counts = work_counts(record.work, true);
    for (const auto& [key, value] : counts.items()) entry[key] = value;
    by_task[record.outcome.name] = std::move(entry);
  }
  return by_task;
}

Value provenance(const RunRecord& run) {
  Value out = {{"version", version()},
               {"matches", fmt::format("lm-evaluation-harness {}", harness_version())},
               {"model_hash", run.model.hash},
               {"tokenizer_sha256", run.tokenizer_sha256},
               {"model",
                {{"path", run.model.path.string()},
                 {"form", run.model.form},
                 {"architecture", run.model.architecture},
                 {"context_length", run.model.context_length},
                 {"weight_bytes", run.model.weight_bytes},
                 {"numerics", runtime::to_string(run.model.numerics)},
                 {"simulated", run.model.numerics == runtime::Numerics::ane},
                 {"backend", runtime::to_string(run.model.execution.backend)},
                 {"compute_units", runtime::to_string(run.model.execution.compute_units)},
                 {"backend_notes", run.model.execution.notes}}},
               {"machine", {{"cpu", machine_name()}, {"system", system_name()}}},
               {"interrupted", run.interrupted.empty() ? Value() : Value(run.interrupted)},
               {"not_run", run.not_run},
               {"work", nullptr},
               {"tasks", nullptr}};
  if (run.options.shard)
    out["shard"] = {{"index", run.options.shard->index}, {"count", run.options.shard->count}};
  return out;
}

/// All but the scores and the work, whose keys hold their places.
Value settings_of(const RunRecord& run, std::span<const TaskRecord> tasks) {
  std::map<std::string, Value> configs;
  for (const TaskRecord& record : tasks) configs[record.outcome.name] = record.config;
  const std::string& system = run.options.system_instruction;
  const Value template_text = run.chat_template;
  return {
      {"group_subtasks", nullptr},
      {"configs", sorted(configs)},
      {"versions", nullptr},
      {"n-shot", nullptr},
      {"higher_is_better", nullptr},
      {"n-samples", nullptr},
      {"config", run_config(run)},
      {"git_hash", nullptr},
      {"date", run.start_seconds},
      {"pretty_env_info",
       fmt::format("anemone {} on {}, {}", version(), machine_name(), system_name())},
      {"transformers_version", nullptr},
      {"lm_eval_version", harness_version()},
      {"upper_git_hash", nullptr},
      {"tokenizer_pad_token", run.pad_token},
      {"tokenizer_eos_token", run.eos_token},
      {"tokenizer_bos_token", run.bos_token},
      {"eot_token_id", run.end_token_id},
      {"max_length", run.max_length},
      {"task_hashes", nullptr},
      {"model_source", "anemone"},
      {"model_name", run.model.name},
      {"model_name_sanitized", file_name_of(run.model.name)},
      {"system_instruction", system.empty() ? Value() : Value(system)},
      {"system_instruction_sha", system.empty() ? Value() : Value(sha256(system))},
      {"fewshot_as_multiturn", run.options.apply_chat_template ? Value(run.multiturn) : Value()},
      {"chat_template", template_text},
      {"chat_template_sha",
       template_text.is_string() ? Value(sha256(template_text.get<std::string>())) : Value()},
      {"total_evaluation_time_seconds", nullptr},
      {"version", 1},
      {"failed", nullptr},
      {"anemone", provenance(run)}};
}

}  // namespace

TaskRecord record_of(const Task& task) {
  TaskRecord record;
  record.facts = facts_of(task);
  record.config = task.record();
  record.version = task.config().version;
  record.shots = task.config().num_fewshot.value_or(0);
  record.file = task.record()["metadata"]["config_source"].get<std::string>();
  record.data = task.data_origin();
  return record;
}

Value with_scores(Value settings, std::span<const TaskRecord> tasks, const RunTotals& totals) {
  GroupedResults parts;
  Value counts = Value::object();
  Value hashes = Value::object();
  for (const TaskRecord& record : tasks) {
    const std::string& name = record.outcome.name;
    parts.results[name] = task_scores(record);
    counts[name] = {{"original", record.outcome.original}, {"effective", record.outcome.effective}};
    if (totals.samples) hashes[name] = record.outcome.hash;
    parts.versions[name] = record.version;
    parts.shots[name] = record.shots;
    parts.higher_is_better[name] = directions(record.facts);
  }
  add_groups(totals.groups, parts);
  Value out = {{"results", std::move(parts.results)}};
  if (!parts.groups.empty()) out["groups"] = std::move(parts.groups);
  for (auto& [key, value] : settings.items())
    if (key != "results" && key != "groups") out[key] = std::move(value);
  out["group_subtasks"] = std::move(parts.subtasks);
  out["versions"] = sorted(parts.versions);
  out["n-shot"] = sorted(parts.shots);
  out["higher_is_better"] = sorted(parts.higher_is_better);
  out["n-samples"] = std::move(counts);
  out["task_hashes"] = std::move(hashes);
  out["total_evaluation_time_seconds"] = python::float_repr(totals.work.seconds);
  out["failed"] = failures(tasks);
  out["anemone"]["work"] = work_counts(totals.work, totals.is_whole);
  out["anemone"]["work"]["peak_memory_bytes"] = totals.work.peak_memory_bytes;
  out["anemone"]["tasks"] = task_provenance(tasks);
  return out;
}

Value build_results(const RunRecord& run, std::span<const TaskRecord> tasks) {
  return with_scores(settings_of(run, tasks), tasks,
                     {run.groups, run.options.log_samples, run.work, run.interrupted.empty()});
}

std::vector<Score> scores_of(const TaskRecord& record) {
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
    if (const TaskFacts::Metric* metric = record.facts.find(score.metric))
      score.higher_is_better = metric->higher_is_better;
    scores.push_back(std::move(score));
  }
  return scores;
}

std::string format_report(const Value& results, std::optional<int64_t> num_fewshot) {
  const Value& config = results["config"];
  const Value& args = config["model_args"];
  std::string out = fmt::format(
      "{} ({}), gen_kwargs: ({}), limit: {}, num_fewshot: {}, batch_size: {}\n",
      python::to_str(config["model"]), python::to_str(args), python::to_str(config["gen_kwargs"]),
      python::to_str(config["limit"]), num_fewshot ? std::to_string(*num_fewshot) : "None",
      python::to_str(config["batch_size"]));
  out += format_table(results, "results") + "\n";
  if (results.contains("groups")) out += format_table(results, "groups") + "\n";
  return out;
}

}  // namespace anemone::eval
