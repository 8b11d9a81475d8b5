#include "anemone/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>

#include "anemone/batch_policy.h"
#include "anemone/report.h"
#include "bench_gate.h"
#include "command.h"
#include "input_text.h"
#include "model_flags.h"
#include "not_empty.h"
#include "output_path.h"
#include "terminal.h"
#include "text_file.h"

namespace anemone::tools {
namespace {

struct Flags {
  std::string model;
  std::string tokenizer;
  bench::Options options;
  std::string prompt_file;
  std::string perplexity_file;
  std::string data, reference, power_log;
  std::string baseline;
  double threshold = 5;
  std::string format;
  std::string output;
  // Those that a preset sets where the user did not.
  CLI::Option* contexts = nullptr;
  CLI::Option* units = nullptr;
  CLI::Option* quality = nullptr;
};

struct Format {
  const char* name;
  Result<std::string> (*write)(const bench::Report& report, const std::string& name);
};
constexpr Format kFormats[] = {
    {"md",
     [](const bench::Report& report, const std::string&) -> Result<std::string> {
       return bench::to_markdown(report);
     }},
    {"json",
     [](const bench::Report& report, const std::string&) -> Result<std::string> {
       return bench::to_json(report);
     }},
    {"csv",
     [](const bench::Report& report, const std::string&) -> Result<std::string> {
       return bench::to_csv(report);
     }},
    {"html", [](const bench::Report& report, const std::string& name) {
       return report::bench(bench::to_json(report), name, report::Format::html);
     }}};

const Format* find_format(const std::string& name) {
  const auto* const found =
      std::ranges::find_if(kFormats, [&](const Format& one) { return name == one.name; });
  return found == std::end(kFormats) ? nullptr : found;
}

/// "html" of "a.HTML".
std::string ending_of(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return ending.empty() ? ending : ending.substr(1);
}

/// By --format, else --json, else the output's ending.
Result<const Format*> format_of(const Flags& flags, const CommonFlags& common) {
  const std::string ending = ending_of(flags.output);
  const auto contradicts_json = [&](const std::string& name) {
    return common.json && name != "json" && find_format(name) != nullptr;
  };
  if (contradicts_json(flags.format) || (flags.format.empty() && contradicts_json(ending)))
    return Error{
        ErrorCode::invalid_argument,
        flags.format.empty()
            ? fmt::format("{}: its ending asks for {}, --json for JSON", flags.output, ending)
            : fmt::format("--format {} and --json contradict each other", flags.format),
        {},
        "leave out one of them"};
  std::string name = flags.format;
  if (name.empty() && common.json) name = "json";
  if (name.empty()) name = ending.empty() ? "md" : ending;
  if (const Format* format = find_format(name)) return format;
  return Error{ErrorCode::invalid_argument,
               fmt::format("{}: its ending names no format", flags.output),
               {},
               "give --format md, json, csv or html"};
}

/// What the preset says where no flag does.
void apply_preset(Flags& flags) {
  if (flags.options.preset != "phase2") return;
  if (flags.contexts->empty()) flags.options.contexts = {128, 256, 512};
  if (flags.units->empty()) flags.options.compute_units = {"cpu", "cpu-ane"};
  if (flags.quality->empty()) flags.options.quality = {"typos"};
}

/// Of a file that stands for a built-in text.
Result<std::string> read_own_text(const char* flag, const std::string& path) {
  auto read = read_text(path).in(flag);
  if (!read.ok()) {
    Error error = std::move(read).error();
    error.hint = fmt::format("{} takes a file with the text; - is stdin", flag);
    return error;
  }
  std::string text = *std::move(read);
  if (text.empty())
    return Error{ErrorCode::invalid_argument,
                 fmt::format("{} {}: the text is empty", flag, path == "-" ? "of stdin" : path),
                 {},
                 {}};
  return text;
}

Result<bench::Options> options_of(const Flags& flags, const CommonFlags& common) {
  bench::Options options = flags.options;
  ANEMONE_TRY(const runtime::Options runtime, common.runtime_options());
  std::erase(options.quality, "none");
  options.isa = runtime.isa;
  options.backend = runtime.backend;
  options.numerics = common.numerics;
  options.data = flags.data;
  options.reference = flags.reference;
  options.power_log = flags.power_log;
  options.baseline = flags.baseline;
  options.baseline_threshold = flags.threshold / 100;
  if (!flags.prompt_file.empty()) {
    ANEMONE_TRY(options.prompt, read_own_text("--prompt", flags.prompt_file));
    options.prompt_name = std::filesystem::path(flags.prompt_file).filename().string();
  }
  if (!flags.perplexity_file.empty()) {
    ANEMONE_TRY(options.perplexity_text, read_own_text("--perplexity-text", flags.perplexity_file));
  }
  return options;
}

/// A name that says another format than the flag is written as the flag says, and told.
void remark_on_ending(const Flags& flags, const Format& format, const LogSink& log) {
  const Format* const named = find_format(ending_of(flags.output));
  if (goes_to_stdout(flags.output) || named == nullptr || named == &format) return;
  log(LogLevel::warning, fmt::format("{}: --format asks for {}, whatever the name ends with",
                                     flags.output, format.name));
}

/// Of a report that has taken long: when the file cannot be written after all, it goes to stdout.
Status write_report(const std::string& path, const std::string& text, const LogSink& log) {
  if (goes_to_stdout(path)) return write_stdout(text);
  const Status written = write_file(path, text);
  if (written.ok()) log(LogLevel::info, "wrote " + path);
  if (!written.ok()) ANEMONE_RETURN_IF_ERROR(write_stdout(text));
  return written;
}

/// What a run reads would be gone, or be the run itself: a slower one the next baseline.
Status check_inputs(const Flags& flags, const CommonFlags& common) {
  const InputPath inputs[] = {{"the model", flags.model},
                              {"what --tokenizer reads", flags.tokenizer},
                              {"what --reference reads", flags.reference},
                              {"what --data reads", flags.data},
                              {"what --config reads", common.config},
                              {"what --baseline reads", flags.baseline},
                              {"what --power-log reads", flags.power_log},
                              {"what --prompt reads", flags.prompt_file},
                              {"what --perplexity-text reads", flags.perplexity_file}};
  Status stay = check_inputs_stay("-o", flags.output, inputs);
  if (stay.ok() || !is_one_file(flags.baseline, flags.output)) return stay;
  Error error = stay.error();
  error.hint += ", which is copied over the baseline where its verdict says that it may be";
  return error;
}

/// What would be noticed after the run otherwise.
Status check_files(const Flags& flags, const CommonFlags& common) {
  if (flags.prompt_file == "-" && flags.perplexity_file == "-")
    return Error{ErrorCode::invalid_argument,
                 "--prompt - and --perplexity-text - would both read stdin",
                 {},
                 {}};
  if (goes_to_stdout(flags.output)) return {};
  ANEMONE_RETURN_IF_ERROR(check_inputs(flags, common));
  return check_file(flags.output);
}

/// A run without a measurement, or with one that failed, is no benchmark that passed.
Status check_outcomes(const bench::Report& report) {
  const auto& all = report.configurations;
  const auto failed =
      std::ranges::find(all, bench::Outcome::failed, &bench::Configuration::outcome);
  if (failed != all.end())
    return Error{
        ErrorCode::mismatch,
        fmt::format("{} of {} configurations failed",
                    std::ranges::count(all, bench::Outcome::failed, &bench::Configuration::outcome),
                    all.size()),
        {},
        failed->id() + ": " + failed->reason};
  if (all.empty() ||
      std::ranges::count(all, bench::Outcome::measured, &bench::Configuration::outcome) > 0)
    return {};
  return Error{ErrorCode::unsupported,
               "none of the configurations can be measured here: " + all.front().reason,
               {},
               {}};
}

Status measure(Flags flags, const CommonFlags& common) {
  apply_preset(flags);
  ANEMONE_TRY(const Format* format, format_of(flags, common));
  ANEMONE_RETURN_IF_ERROR(check_files(flags, common));
  remark_on_ending(flags, *format, log_sink(common));
  ANEMONE_TRY(const bench::Options options, options_of(flags, common));
  if (!flags.baseline.empty())
    ANEMONE_RETURN_IF_ERROR(bench::check_baseline(flags.baseline, options));
  const auto run = [&] {  // the progress line is gone when this returns
    ProgressLine progress(common);
    return bench::run(flags.model, flags.tokenizer, options, progress.sink(), log_sink(common));
  };
  ANEMONE_TRY(bench::Report report, run());
  Status judged;
  if (!flags.baseline.empty()) {
    auto verdict = bench::judge(report, flags.baseline, flags.threshold / 100);
    if (verdict.ok())
      report.baseline = *std::move(verdict);
    else
      judged = std::move(verdict).error();
  }
  const LogSink log = log_sink(common);
  ANEMONE_TRY(const std::string text,
              format->write(report, goes_to_stdout(flags.output) ? "this run" : flags.output));
  ANEMONE_RETURN_IF_ERROR(write_report(flags.output, text, log));
  if (!report.complete)
    return Error{ErrorCode::interrupted,
                 "interrupted",
                 {},
                 flags.baseline.empty()
                     ? ""
                     : flags.baseline + ": a run that was stopped is held against no baseline"};
  ANEMONE_RETURN_IF_ERROR(check_outcomes(report));
  ANEMONE_RETURN_IF_ERROR(judged);
  return report.baseline ? check_verdict(*report.baseline, flags.baseline, log) : Status();
}

}  // namespace

Action add_bench(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  bench::Options& options = flags->options;
  app.description("Speed, memory and energy of a language model over a sweep of configurations");
  app.add_option("model", flags->model,
                 "ANEMLL or anemone directory, package, folder of model_seq{N} variants, or "
                 "checkpoint")
      ->required();
  app.add_option("--tokenizer", flags->tokenizer,
                 "Directory with tokenizer.json (default: the model's)");
  flags->contexts =
      app.add_option("--contexts", options.contexts, "Tokens that prompt and answer fill together")
          ->delimiter(',')
          ->check(whole_number());
  app.add_option("--prefill", options.prefill,
                 "Tokens of a prefill block; 0: no blocks. A checkpoint is converted for each")
      ->delimiter(',')
      ->check(whole_number());
  app.add_option("--chunks", options.chunks, "Chunks of layers. A checkpoint is converted for each")
      ->delimiter(',')
      ->check(whole_number());
  flags->units = app.add_option("--compute-units", options.compute_units,
                                "cpu, cpu-gpu, cpu-ane, all; others than cpu need macOS")
                     ->delimiter(',')
                     ->check(CLI::IsMember({"all", "cpu", "cpu-gpu", "cpu-ane"}));
  app.add_option("--threads", options.threads, "Worker threads, a list; 0: one per core")
      ->delimiter(',')
      ->check(CLI::Range(0, 1024));
  app.add_option("--repetitions", options.repetitions, "Timed requests of each configuration")
      ->check(CLI::Range(1, 100000));
  app.add_option("--warmup", options.warmup, "Requests before them that are not counted")
      ->check(CLI::Range(0, 100000));
  app.add_option("--loads", options.loads, "Loads of each configuration after the first")
      ->check(CLI::Range(0, 1000));
  app.add_option("--stage-requests", options.stage_requests,
                 "Further requests, by which stages are timed; 0: none")
      ->check(CLI::Range(0, 100000));
  app.add_option(
         "--batches", options.batches,
         "Also advance so many sequences together, a list: 1,2,4; what serve --batch-policy "
         "reads")
      ->delimiter(',')
      ->check(CLI::Range(int64_t{1}, bench::kMostSequences));
  app.add_option("--answer-tokens", options.answer_tokens,
                 "Tokens of an answer, at most half of the context")
      ->check(whole_number());
  app.add_option("--seed", options.seed, "Seed of the bootstrap")->check(whole_number());
  app.add_option("--confidence", options.confidence, "Of all intervals, a share");
  app.add_option("--prompt", flags->prompt_file,
                 "File with the text that prompts are cut from; - is stdin")
      ->type_name("FILE")
      ->check(not_empty());
  app.add_option("--quantize", options.quantize,
                 "Convert the checkpoint with this compression (docs/compression.md); again for "
                 "another one beside it: fp16, lut4, …")
      ->check(not_empty())
      ->allow_extra_args(false);
  flags->quality =
      app.add_option("--quality", options.quality, "Quality beside speed: typos, perplexity, none")
          ->delimiter(',')
          ->check(CLI::IsMember({"typos", "perplexity", "none"}));
  app.add_option("--data", flags->data, "Folder with data sets of tasks")->check(not_empty());
  app.add_option("--perplexity-text", flags->perplexity_file,
                 "File with the text of --quality perplexity; - is stdin")
      ->type_name("FILE")
      ->check(not_empty());
  app.add_option("--reference", flags->reference,
                 "Checkpoint whose choices are held against the answers, in fp32")
      ->check(not_empty());
  app.add_option("--predict", options.chips,
                 "Chips for which speed on the Neural Engine is predicted beside (m4, …)")
      ->delimiter(',');
  app.add_option("--power-log", flags->power_log,
                 "What powermetrics -f plist or macmon pipe is writing meanwhile")
      ->type_name("FILE")
      ->check(not_empty());
  app.add_flag("--functions", options.functions,
               "Also time every function of the packages by itself, and its ops by Core ML's plan");
  app.add_option("--preset", options.preset,
                 "phase2: contexts 128,256,512, CPU against Neural Engine, typos, and its verdict")
      ->check(CLI::IsMember({"phase2"}));
  app.add_option("--target-first-token-ms", options.target_first_token_ms,
                 "Judge first tokens, cached and not, against this time")
      ->check(number_from_zero());
  app.add_option("--target-tokens-per-second", options.target_tokens_per_second,
                 "Judge decoding against this speed")
      ->check(number_from_zero());
  app.add_option(
         "--baseline", flags->baseline,
         "JSON of an earlier run; exit 1 when this one is slower, 3 when it cannot be told, "
         "2 when the file is no baseline of this run")
      ->type_name("FILE")
      ->check(not_empty());
  app.add_option("--threshold", flags->threshold,
                 "Percent by which a run must be slower than its baseline, with confidence")
      ->check(number_from_zero())
      ->check(CLI::Range(0.0, 1000.0));
  app.add_option("--format", flags->format,
                 "md, json, csv, html; default: by the output's ending, or md")
      ->check(CLI::IsMember({"md", "json", "csv", "html"}));
  app.add_option("-o,--output", flags->output, "File to write to; - is stdout")
      ->type_name("FILE")
      ->check(not_empty());
  app.footer(
      "Example: anemone bench models/anemone-tiny-anemll --contexts 128,256 --format json -o "
      "a.json");
  return [flags, &common] { return measure(*flags, common); };
}

}  // namespace anemone::tools
