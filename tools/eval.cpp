#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>

#include "anemone/evaluate.h"
#include "command.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

struct Flags {
  std::string model;
  std::string tokenizer;
  std::vector<std::string> tasks;
  std::vector<std::string> include_paths;
  std::string data;
  std::optional<int64_t> num_fewshot;
  std::optional<double> limit;
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

Result<eval::Options> to_options(const Flags& flags) {
  if (flags.limit && !(*flags.limit >= 0))
    return Error{ErrorCode::invalid_argument,
                 fmt::format("--limit {}: expected a count, or a share below 1", *flags.limit),
                 {},
                 {}};
  eval::Options options;
  for (const std::string& task : flags.tasks)
    for (std::string& name : split(task)) options.tasks.push_back(std::move(name));
  options.places.include_paths.assign(flags.include_paths.begin(), flags.include_paths.end());
  options.places.data = flags.data;
  options.num_fewshot = flags.num_fewshot;
  options.limit = flags.limit;
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
  options.log_samples = flags.log_samples || flags.predict_only;
  options.predict_only = flags.predict_only;
  return options;
}

/// What the table cannot say: documents without a score, and the work done.
std::string notes(const eval::Report& report) {
  std::string text;
  for (const eval::TaskReport& task : report.tasks) {
    if (task.failed.empty()) continue;
    const auto failed = static_cast<int64_t>(task.failed.size());
    text += fmt::format("{}: {} of {} documents failed; the scores are over the other {}\n",
                        task.name, failed, failed + task.evaluated, task.evaluated);
    for (const eval::FailedSample& sample : task.failed)
      text += fmt::format("  document {}: {}\n", sample.document, sample.message);
  }
  return text;
}

std::string ratio(uint64_t other, uint64_t own) {
  return own == 0 ? "n/a"
                  : fmt::format("{:.2f}", static_cast<double>(other) / static_cast<double>(own));
}

Status evaluate(const Flags& flags, const CommonFlags& common) {
  const LogSink log = log_sink(common);
  lm::LanguageModel::Options model_options;
  ANEMONE_TRY(model_options.runtime, common.runtime_options());
  ANEMONE_TRY(const eval::Options options, to_options(flags));
  ANEMONE_TRY(const auto tokenizer,
              text::Tokenizer::load(flags.tokenizer.empty() ? flags.model : flags.tokenizer));
  const auto start = std::chrono::steady_clock::now();
  ANEMONE_TRY(const auto model, lm::LanguageModel::open(flags.model, model_options));
  const std::chrono::duration<double> loading = std::chrono::steady_clock::now() - start;
  log(LogLevel::info,
      fmt::format("{}: {}, context {}, numerics {}, loaded in {:.1f} s", model->info().name,
                  model->info().form, model->info().context_length,
                  runtime::to_string(model->info().numerics), loading.count()));
  ProgressLine progress(common);
  ANEMONE_TRY(const eval::Report report,
              eval::evaluate(*model, tokenizer, options, progress.sink(), log));
  if (!flags.output_path.empty()) {
    ANEMONE_TRY(const auto files, eval::write_report(report, flags.output_path));
    for (const auto& file : files) log(LogLevel::info, fmt::format("wrote {}", file.string()));
  }
  const eval::Work& work = report.work;
  log(LogLevel::info,
      fmt::format("{} tokens run in {:.1f} s ({:.0f} a second); each request alone would take {} "
                  "({} times as many), hf with its logits cache {} ({})",
                  work.tokens_run, work.seconds,
                  static_cast<double>(work.tokens_run) / work.seconds, work.tokens_alone,
                  ratio(work.tokens_alone, work.tokens_run), work.tokens_logits_cache,
                  ratio(work.tokens_logits_cache, work.tokens_run)));
  ANEMONE_RETURN_IF_ERROR(
      write_stdout(common.json ? report.results + "\n" : report.table + notes(report)));
  for (const eval::TaskReport& task : report.tasks)
    if (task.evaluated == 0 && !task.failed.empty())
      return Error{
          ErrorCode::mismatch,
          fmt::format("{}: no document could be scored: {}", task.name, task.failed[0].message),
          {},
          {}};
  return {};
}

}  // namespace

Action add_eval(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Benchmark tasks and perplexity, with lm-evaluation-harness' numbers");
  app.add_option("model", flags->model, "ANEMLL directory, package or checkpoint")->required();
  app.add_option("--tokenizer", flags->tokenizer,
                 "Directory with tokenizer.json (default: the model's)");
  app.add_option("--tasks", flags->tasks,
                 "Names, patterns, tags or .yaml files, by commas or blanks")
      ->required();
  app.add_option("--num-fewshot", flags->num_fewshot, "Examples before each question")
      ->check(CLI::NonNegativeNumber);
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
      ->check(CLI::NonNegativeNumber);
  app.add_option("--max-length", flags->max_length, "Tokens fed at most; 0: the model's context")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--output-path", flags->output_path,
                 "Folder for results, or a name that ends in .json");
  app.add_flag("--log-samples", flags->log_samples,
               "Write each document's requests and answers too");
  app.add_flag("--predict-only", flags->predict_only, "Answers without scores");
  app.footer("Example: anemone eval models/anemone-tiny-anemll --tasks arc_easy,boolq --limit 100");
  return [flags, &common] { return evaluate(*flags, common); };
}

}  // namespace anemone::tools
