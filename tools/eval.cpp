#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "anemone/evaluate.h"
#include "command.h"
#include "model_flags.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

struct Flags {
  ModelFlags model;
  std::vector<std::string> tasks;
  std::vector<std::string> include_paths;
  std::string data;
  std::optional<int64_t> num_fewshot;
  std::string limit;
  std::string samples;
  std::string chat_template;  ///< "true", "false" or a name; empty when not given.
  std::string multiturn;
  std::string system_instruction;
  std::vector<std::string> gen_kwargs;
  std::string seed = "0,1234,1234,1234";
  int64_t bootstrap_iters = 100000;
  int64_t max_length = 0;
  std::string output_path;
  bool log_samples = false;
  bool predict_only = false;
  bool dry_run = false;
  std::string kv_budget;
};

/// "a,b c" → a, b, c.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = text.find_first_not_of(", "); begin != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(", ", begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(", ", end);
  }
  return parts;
}

/// One number for all four generators, or four.
Result<std::array<int64_t, 4>> parse_seed(const std::string& text) {
  std::vector<int64_t> values;
  for (const std::string& part : split(text)) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size())
      return Error{ErrorCode::invalid_argument,
                   fmt::format("--seed {}: '{}' is no number", text, part),
                   {},
                   {}};
    values.push_back(value);
  }
  if (values.size() == 1) values.resize(4, values[0]);
  if (values.size() != 4)
    return Error{ErrorCode::invalid_argument,
                 fmt::format("--seed {}: expected one number or four", text),
                 {},
                 {}};
  return std::array<int64_t, 4>{values[0], values[1], values[2], values[3]};
}

/// JSON as it stands, or the name of a file that holds it.
Result<std::string> read_samples(const std::string& given) {
  if (given.empty() || given.find('{') != std::string::npos) return given;
  std::ifstream file(given, std::ios::binary);
  if (!file)
    return Error{
        ErrorCode::not_found, fmt::format("--samples {}: neither JSON nor a file", given), {}, {}};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// A count of documents, or a share of them below 1.
Result<std::optional<double>> parse_limit(const std::string& text) {
  if (text.empty()) return std::optional<double>();
  constexpr double kMost = 1e15;  // whole numbers are exact in a double up to here
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= kMost))
    return Error{ErrorCode::invalid_argument,
                 fmt::format("--limit {}: not a number of documents", text),
                 {},
                 "a count, or a share below 1"};
  return std::optional(value);
}

/// "500M" and the like.
Result<uint64_t> parse_budget(const std::string& text, uint64_t usual) {
  if (text.empty()) return usual;
  uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  const std::string_view units = "KMG";
  const size_t unit = end == last ? 0 : units.find(*end) + 1;
  const uint64_t factor = uint64_t{1} << 10 * unit;
  if (error != std::errc() || (end != last && (unit == 0 || end + 1 != last)) ||
      value > UINT64_MAX / factor)
    return Error{ErrorCode::invalid_argument,
                 fmt::format("--kv-budget {}: not a number of bytes", text),
                 {},
                 "such as 500M"};
  return value * factor;
}

Result<eval::Options> to_options(const Flags& flags) {
  eval::Options options;
  for (const std::string& task : flags.tasks)
    for (std::string& name : split(task)) options.tasks.push_back(std::move(name));
  options.places.include_paths.assign(flags.include_paths.begin(), flags.include_paths.end());
  options.places.data = flags.data;
  options.num_fewshot = flags.num_fewshot;
  ANEMONE_TRY(options.limit, parse_limit(flags.limit));
  ANEMONE_TRY(options.samples, read_samples(flags.samples));
  options.apply_chat_template = !flags.chat_template.empty() && flags.chat_template != "false";
  if (options.apply_chat_template && flags.chat_template != "true")
    options.chat_template = flags.chat_template;
  if (!flags.multiturn.empty())
    options.fewshot_as_multiturn =
        flags.multiturn == "true" || flags.multiturn == "True" || flags.multiturn == "1";
  options.system_instruction = flags.system_instruction;
  for (const std::string& kwargs : flags.gen_kwargs)
    options.gen_kwargs += (options.gen_kwargs.empty() ? "" : ",") + kwargs;
  ANEMONE_TRY(options.seeds, parse_seed(flags.seed));
  options.bootstrap_iterations = flags.bootstrap_iters;
  options.max_length = flags.max_length;
  ANEMONE_TRY(options.kv_budget_bytes, parse_budget(flags.kv_budget, options.kv_budget_bytes));
  options.log_samples = flags.log_samples || flags.predict_only;
  options.predict_only = flags.predict_only;
  return options;
}

/// Documents without a score, which the table cannot show.
std::string failures(const eval::Report& report) {
  constexpr size_t kMostShown = 20;
  std::string text;
  for (const eval::TaskReport& task : report.tasks) {
    if (task.failed.empty()) continue;
    const auto failed = static_cast<int64_t>(task.failed.size());
    text += fmt::format("{}: {} of {} failed; the scores are over the other {}\n", task.name,
                        failed, counted(static_cast<uint64_t>(failed + task.evaluated), "document"),
                        task.evaluated);
    for (size_t i = 0; i < std::min(task.failed.size(), kMostShown); ++i)
      text += fmt::format("  document {}: {}\n", task.failed[i].document, task.failed[i].message);
    if (task.failed.size() > kMostShown)
      text += fmt::format("  and {} more\n", task.failed.size() - kMostShown);
  }
  return text;
}

std::string share_of(uint64_t run, uint64_t other, std::string_view what) {
  const std::string share =
      other > 0 ? fmt::format("{:.3f}", static_cast<double>(run) / static_cast<double>(other))
                : "n/a";
  return fmt::format("  {} of the {} of {}\n", share, counted(other, "token"), what);
}

/// The tokens of a run beside those of other ways to answer the same requests.
std::string work_text(const eval::Work& work) {
  return fmt::format("{} run:\n", counted(work.tokens_run, "token")) +
         share_of(work.tokens_run, work.tokens_logits_cache,
                  "lm-evaluation-harness' hf model with its logits cache") +
         share_of(work.tokens_run, work.tokens_alone, "every request on its own");
}

void log_work(const eval::Work& work, const LogSink& log) {
  log(LogLevel::info, fmt::format("done in {:.1f} s: {}, {:.0f} a second", work.seconds,
                                  counted(work.tokens_run, "token"),
                                  static_cast<double>(work.tokens_run) / work.seconds));
}

nlohmann::ordered_json work_json(const eval::Work& work) {
  return {{"tokens_run", work.tokens_run},
          {"tokens_each_request_alone", work.tokens_alone},
          {"tokens_hf_with_logits_cache", work.tokens_logits_cache},
          {"truncated_requests", work.truncated_requests}};
}

/// Counts tokens instead of running them.
Status dry_run(const Flags& flags, const CommonFlags& common, eval::Options options,
               const text::Tokenizer& tokenizer) {
  const LogSink log = log_sink(common);
  if (options.max_length == 0) {
    const auto model = flags.model.open(common, false);
    if (!model.ok()) {
      Error error = model.error();
      if (error.hint.empty()) error.hint = "--max-length stands for the context of a model";
      return error;
    }
    options.max_length = (*model)->info().context_length;
  }
  const auto run = [&] {
    ProgressLine progress(common);
    return eval::count_tokens(tokenizer, options, progress.sink(), log);
  };
  ANEMONE_TRY(const eval::TokenReport report, run());
  if (common.json) {
    nlohmann::ordered_json tasks = nlohmann::ordered_json::object();
    for (const auto& task : report.tasks) {
      tasks[task.name] = work_json(task.work);
      tasks[task.name]["documents"] = task.documents;
    }
    const nlohmann::ordered_json document = {{"version", 1},
                                             {"max_length", options.max_length},
                                             {"work", work_json(report.work)},
                                             {"most_generated_tokens", report.most_generated},
                                             {"failed_requests", report.failed_requests},
                                             {"tasks", std::move(tasks)}};
    return write_stdout(document.dump(2) + "\n");
  }
  std::string text;
  for (const auto& task : report.tasks)
    text += fmt::format("{}: {}\n", task.name,
                        counted(static_cast<uint64_t>(task.documents), "document"));
  text += work_text(report.work);
  if (report.most_generated > 0)
    text +=
        fmt::format("generated answers add {} at most\n", counted(report.most_generated, "token"));
  if (report.failed_requests > 0)
    text += fmt::format("{} cannot be asked\n", counted(report.failed_requests, "request"));
  return write_stdout(text);
}

/// The error that the exit code stands for when the report is out.
Status outcome(const eval::Report& report) {
  if (!report.interrupted.empty()) {
    std::string left;
    for (const std::string& task : report.not_run) left += ", " + task;
    return Error{
        ErrorCode::interrupted,
        fmt::format("interrupted in {}{}{}; the tasks before are reported", report.interrupted,
                    left.empty() ? "" : "; not run: ", left.empty() ? left : left.substr(2)),
        {},
        {}};
  }
  for (const eval::TaskReport& task : report.tasks)
    if (task.evaluated == 0 && !task.failed.empty())
      return Error{
          ErrorCode::mismatch,
          fmt::format("{}: no document could be scored: {}", task.name, task.failed[0].message),
          {},
          {}};
  return {};
}

Status evaluate(const Flags& flags, const CommonFlags& common) {
  if (flags.output_path.empty() && (flags.log_samples || flags.predict_only))
    return Error{ErrorCode::invalid_argument,
                 fmt::format("{} without --output-path: the answers would be lost",
                             flags.predict_only ? "--predict-only" : "--log-samples"),
                 {},
                 "name the folder for them"};
  const LogSink log = log_sink(common);
  ANEMONE_TRY(const eval::Options options, to_options(flags));
  ANEMONE_TRY(const auto tokenizer, flags.model.load_tokenizer());
  ANEMONE_RETURN_IF_ERROR(eval::check_options(options, tokenizer));
  if (flags.dry_run) return dry_run(flags, common, options, tokenizer);
  if (!flags.output_path.empty())
    ANEMONE_RETURN_IF_ERROR(eval::check_output(flags.output_path).in("--output-path"));
  const auto start = std::chrono::steady_clock::now();
  ANEMONE_TRY(const auto model, flags.model.open(common, true));
  const std::chrono::duration<double> loading = std::chrono::steady_clock::now() - start;
  log(LogLevel::info,
      fmt::format("{}: {}, context {}, numerics {}, loaded in {:.1f} s", model->info().name,
                  model->info().form, model->info().context_length,
                  runtime::to_string(model->info().numerics), loading.count()));
  const auto run = [&] {  // the progress line is gone when this returns
    ProgressLine progress(common);
    return eval::evaluate(*model, tokenizer, options, progress.sink(), log);
  };
  ANEMONE_TRY(const eval::Report report, run());
  Status written;
  if (!flags.output_path.empty()) {
    auto files = eval::write_report(report, flags.output_path);
    if (!files.ok())
      written = std::move(files).error();
    else
      for (const auto& file : *files) log(LogLevel::info, fmt::format("wrote {}", file.string()));
  }
  log_work(report.work, log);
  if (common.json && !failures(report).empty()) log(LogLevel::warning, failures(report));
  ANEMONE_RETURN_IF_ERROR(
      write_stdout(common.json ? report.results + "\n"
                               : report.table + work_text(report.work) + failures(report)));
  ANEMONE_RETURN_IF_ERROR(std::move(written));
  return outcome(report);
}

}  // namespace

Action add_eval(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Benchmark tasks and perplexity, with lm-evaluation-harness' numbers");
  add_model_flags(app, flags->model);
  add_tokenizer_flag(app, flags->model);
  app.add_option(
         "--tasks", flags->tasks,
         "Names, patterns, tags, .yaml files, or .txt files for their perplexity; by commas "
         "or blanks")
      ->required();
  app.add_option("--num-fewshot", flags->num_fewshot, "Examples before each question")
      ->check(whole_number());
  auto* limit = app.add_option("--limit", flags->limit,
                               "Documents of each task: a count, or a share below 1");
  app.add_option("--samples", flags->samples, "JSON, or a file of it: {\"task\": [document, ...]}")
      ->excludes(limit);
  app.add_option("--data", flags->data, "Folder with data sets, before the Hugging Face caches");
  app.add_option("--include-path", flags->include_paths,
                 "Folder with task files, before the built-in ones")
      ->allow_extra_args(false);
  app.add_option("--apply-chat-template", flags->chat_template,
                 "Prompts as conversations [template name]")
      ->expected(0, 1);
  app.add_option("--fewshot-as-multiturn", flags->multiturn,
                 "Examples as turns of their own [true]")
      ->expected(0, 1)
      ->check(CLI::IsMember({"true", "false", "True", "False", "1", "0"}));
  app.add_option("--system-instruction", flags->system_instruction, "Text before everything else");
  app.add_option("--gen-kwargs", flags->gen_kwargs,
                 "key=value,... or JSON, over those of generation tasks");
  app.add_option("--seed", flags->seed,
                 "Of python, numpy, torch and few-shot draws; one for all, or four");
  app.add_option("--bootstrap-iters", flags->bootstrap_iters,
                 "For standard errors without a formula; 0: none")
      ->check(whole_number());
  app.add_option("--max-length", flags->max_length, "Tokens fed at most; 0: the model's context")
      ->check(whole_number());
  app.add_option("--kv-budget", flags->kv_budget,
                 "Memory for copies of the model's state: bytes, or with K, M, G [1G]");
  app.add_flag("--dry-run", flags->dry_run,
               "Count tokens without running a model; --max-length may exceed its context");
  app.add_option("--output-path", flags->output_path,
                 "Folder for results, or a name that ends in .json");
  app.add_flag("--log-samples", flags->log_samples,
               "Write each document's requests and answers too");
  app.add_flag("--predict-only", flags->predict_only, "Answers without scores");
  app.footer("Example: anemone eval models/anemone-tiny-anemll --tasks arc_easy,boolq --limit 100");
  return [flags, &common] { return evaluate(*flags, common); };
}

}  // namespace anemone::tools
