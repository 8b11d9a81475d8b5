#include "anemone/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "check_report.h"
#include "checked_models.h"
#include "command.h"
#include "forecast_report.h"
#include "records_report.h"
#include "settings.h"
#include "simulation_report.h"
#include "terminal.h"
#include "text_file.h"
#include "text_simulation.h"

namespace anemone::tools {
namespace {

struct Flags {
  std::vector<std::string> models;
  std::string chip;
  bool strict = false;
  std::string explain;
  std::string sarif;
  bool rules = false;
  bool markdown = false;
  std::optional<double> min_ane;
  std::optional<int64_t> prompt_tokens;
  int64_t cached_tokens = 0;
  std::vector<int64_t> contexts;
  std::vector<int64_t> batches;
  std::string plan;
  std::string stack = "core-ml";
  std::string run_text;
  std::string tokenizer;
  std::vector<std::string> trace;
  std::string log;
};

/// The chip of a forecast where none is asked for.
constexpr const char* kForecastChip = "m4";
constexpr int64_t kLongestContext = int64_t{1} << 24;

Status explain(const std::string& id, const CommonFlags& common) {
  std::vector<std::string> names;
  for (const ane::RuleInfo& rule : ane::rules()) {
    if (rule.id == id) return write_stdout(common.json ? rule_json(rule) : rule_text(rule));
    names.emplace_back(rule.id);
  }
  const std::string near = nearest(id, names);
  return Error{ErrorCode::invalid_argument,
               fmt::format("no rule is called '{}'", id),
               {},
               near.empty() ? "anemone check --rules lists them" : "did you mean " + near + "?"};
}

Status list_rules(const Flags& flags, const CommonFlags& common) {
  return write_stdout(common.json      ? rules_json()
                      : flags.markdown ? rules_markdown()
                                       : rules_text());
}

/// Where `alone`, flags that do not fit the model are an error; else the artifact says so.
Result<ArtifactForecast> forecast_of(const ane::CheckedArtifact& checked, const Flags& flags,
                                     const BuiltModels& built, const ProgressSink& progress,
                                     bool alone) {
  ArtifactForecast artifact{.path = checked.path, .plan = flags.plan};
  const ane::ForecastOptions options{
      .chip = flags.chip.empty() ? kForecastChip : flags.chip,
      .stack = flags.stack == "core-ai" ? ane::Stack::core_ai : ane::Stack::core_ml,
      .prompt_tokens = flags.prompt_tokens,
      .cached_tokens = flags.cached_tokens,
      .contexts = flags.contexts,
      .batches = flags.batches,
      .progress = progress};
  const auto in_memory = built.find(checked.path);
  auto forecast = in_memory == built.end() ? ane::forecast(checked.path, options)
                                           : ane::forecast(in_memory->second, options);
  if (!forecast.ok() && (forecast.error().code == ErrorCode::interrupted ||
                         (alone && forecast.error().code == ErrorCode::invalid_argument)))
    return std::move(forecast).error();
  if (forecast.ok() && alone && forecast->decoding_error) return *forecast->decoding_error;
  if (forecast.ok()) {
    artifact.forecast = std::move(forecast).value();
  } else {
    artifact.missing = forecast.error().to_string();
    artifact.unreadable = checked.form == "unreadable";
  }
  if (!flags.plan.empty()) {
    if (!artifact.forecast) return std::move(forecast).error();
    ANEMONE_TRY(artifact.comparison, ane::compare_with_plan(*artifact.forecast, flags.plan));
  }
  return artifact;
}

/// Of the functions that are judged, the cut whose fix would save most, as a hint.
std::string costliest_cut(const ane::Forecast& forecast) {
  const ane::FunctionForecast* where = nullptr;
  const ane::Interruption* worst = nullptr;
  for (const ane::FunctionForecast& function : forecast.functions) {
    if (function.interruptions.empty()) continue;
    const ane::Interruption& first = function.interruptions.front();
    if (worst != nullptr && worst->saves_ms >= first.saves_ms) continue;
    where = &function;
    worst = &first;
  }
  if (worst == nullptr) return "";
  return function_name(*where) + " is " + cut_text(*where, *worst) + "; ";
}

/// Of what was recorded where something was. Errors: mismatch (a residency is lower, or the
/// artifact cannot be read), unsupported (nothing is predicted for the chip).
Status judge_residency(const std::vector<ArtifactForecast>& forecasts, const DeviceRecords& records,
                       std::optional<double> least) {
  if (!least) return {};
  if (records.trace) return judge_recorded_residency(*records.trace, *least);
  for (const ArtifactForecast& artifact : forecasts) {
    if (!artifact.forecast) {
      return Error{artifact.unreadable ? ErrorCode::mismatch : ErrorCode::unsupported,
                   "no residency is predicted: " + artifact.missing,
                   {},
                   {}};
    }
    const std::optional<double> residency = artifact.forecast->residency;
    if (!residency || *residency >= *least) continue;
    return Error{ErrorCode::mismatch,
                 fmt::format("the predicted residency of {} is {:.1f} %, less than {:.1f} %",
                             artifact.path.string(), 100 * *residency, 100 * *least),
                 {},
                 costliest_cut(*artifact.forecast) +
                     "anemone check -v names the ops that leave the Neural Engine"};
  }
  return {};
}

/// What --strict lets pass. Errors: mismatch.
Status judge(const ane::CheckReport& report, const std::optional<simulate::Report>& simulation) {
  if (const size_t errors = report.count(ane::Severity::error); errors > 0)
    return Error{ErrorCode::mismatch,
                 counted(errors, "error") + " found",
                 {},
                 "anemone check --explain RULE tells why, and what to do"};
  if (!simulation || simulation->passed()) return {};
  Error error{ErrorCode::mismatch,
              "the model overflows on this text, simulated in the Neural Engine's arithmetic",
              {},
              {}};
  if (simulation->overflows.empty())
    error.message =
        "the residual stream leaves the safe range on this text, simulated in the Neural Engine's "
        "arithmetic";
  error.hint = simulation->first_unsafe
                   ? "anemone convert --residual-scale auto keeps the residual stream and what is "
                     "added to it in range; what overflows inside of a layer it does not reach"
                   : "the residual stream is in range, so --residual-scale does not help: the "
                     "weights before the op that overflows are too large for fp16";
  return error;
}

Status check(const Flags& flags, const CommonFlags& common) {
  if (!flags.explain.empty()) return explain(flags.explain, common);
  if (flags.rules) return list_rules(flags, common);
  if (flags.models.empty())
    return Error{ErrorCode::invalid_argument, "no model is named", {}, "anemone check MODEL…"};
  if (!flags.tokenizer.empty() && flags.run_text.empty())
    return Error{ErrorCode::invalid_argument, "--tokenizer is of --run-text", {}, {}};
  ane::CheckReport report;
  BuiltModels built;
  std::vector<Error> unopened;
  std::set<std::filesystem::path> known;
  for (const std::string& model : flags.models) {
    auto part = check_model(model, flags.chip, common, built);
    if (!part.ok()) {
      if (flags.models.size() == 1 || part.error().code == ErrorCode::interrupted)
        return std::move(part).error();
      print_error(part.error(), common);
      unopened.push_back(std::move(part).error());
      continue;
    }
    add_part(std::move(part).value(), report, known);
  }
  if (!flags.plan.empty() && report.artifacts.size() != 1)
    return Error{ErrorCode::invalid_argument, "--plan is of one model", {}, {}};
  if ((!flags.trace.empty() || !flags.log.empty()) && report.artifacts.size() != 1)
    return Error{ErrorCode::invalid_argument, "--trace and --log are of one model", {}, {}};
  if (!flags.run_text.empty() && report.artifacts.size() != 1)
    return Error{ErrorCode::invalid_argument, "--run-text is of one model", {}, {}};
  ANEMONE_TRY(const DeviceRecords records, read_records(flags.trace, flags.log));
  std::vector<ArtifactForecast> forecasts;
  const bool alone = report.artifacts.size() == 1;
  for (const ane::CheckedArtifact& artifact : report.artifacts) {
    ProgressLine progress(common);
    ANEMONE_TRY(ArtifactForecast forecast,
                forecast_of(artifact, flags, built, progress.sink(), alone));
    forecasts.push_back(std::move(forecast));
  }
  std::optional<simulate::Report> simulation;
  if (!report.artifacts.empty()) {
    ANEMONE_TRY(simulation,
                simulation_of(report.artifacts[0].path, flags.run_text, flags.tokenizer, common));
  }
  if (interrupted()) return Error{ErrorCode::interrupted, "interrupted", {}, {}};
  if (!flags.sarif.empty()) ANEMONE_RETURN_IF_ERROR(write_file(flags.sarif, check_sarif(report)));
  const bool verbose = common.verbose > 0;
  const Status strictly = judge(report, simulation);
  const Status residency = judge_residency(forecasts, records, flags.min_ane);
  std::vector<Error> failures = unopened;
  for (const Status* status : {&strictly, &residency})
    if (!status->ok()) failures.push_back(status->error());
  std::string text = common.json ? check_json(report, forecasts, simulation, records, failures)
                                 : check_text(report, forecasts, verbose);
  if (simulation && !common.json) text += simulation_text(*simulation, verbose);
  if (!common.json) text += records_text(records);
  ANEMONE_RETURN_IF_ERROR(write_stdout(text));
  if (!unopened.empty()) return unopened.front();
  if (flags.strict) ANEMONE_RETURN_IF_ERROR(strictly);
  return residency;
}

std::vector<std::string> chips() {
  std::vector<std::string> names;
  for (const std::string_view name : ane::chip_names()) names.emplace_back(name);
  return names;
}

CLI::Validator share() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        return std::stod(text) <= 1 ? "" : text + " is no share from 0 to 1, such as 0.8";
      },
      "");
}

}  // namespace

Action add_check(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description(
      "Whether models would run on the Neural Engine, and what their converters got wrong: rules "
      "over the programs, no Mac needed");
  app.add_option("models", flags->models,
                 "Model directories, packages, checkpoints, of which the programs are judged that "
                 "anemone convert makes, or folders of such artifacts, which are checked whole");
  app.add_option(
         "--chip", flags->chip,
         "Judge for one chip: a12 to a19pro, m1 to m6; default: all, and speed is predicted for m4")
      ->transform(CLI::IsMember(chips(), CLI::ignore_case));
  app.add_flag("--strict", flags->strict,
               "Exit 1 on any finding of severity error, and on an overflow that --run-text finds; "
               "warnings and notes pass");
  app.add_option("--min-ane", flags->min_ane,
                 "Exit 1 when less than this share of the predicted time, or with --trace of the "
                 "recorded one, is on the Neural Engine")
      ->check(number_from_zero())
      ->check(share());
  app.add_option("--prompt-tokens", flags->prompt_tokens,
                 "Length of the prompt that the predicted time to the first token is of; default: "
                 "512, or the context where that is less")
      ->check(CLI::Range(int64_t{1}, kLongestContext));
  app.add_option("--cached-tokens", flags->cached_tokens,
                 "Tokens of that prompt that are in the caches already")
      ->check(CLI::Range(int64_t{0}, kLongestContext))
      ->capture_default_str();
  app.add_option("--contexts", flags->contexts,
                 "Also predict the speed of the same model built for these contexts")
      ->delimiter(',')
      ->check(CLI::Range(int64_t{2}, kLongestContext));
  app.add_option("--batch", flags->batches,
                 "Also predict the speed of so many sequences in one step")
      ->delimiter(',')
      ->check(CLI::Range(int64_t{1}, ane::kMostSequences));
  app.add_option("--stack", flags->stack,
                 "Software that the predicted speed is of: through core-ml, or the same model "
                 "through core-ai")
      ->check(CLI::IsMember({"core-ml", "core-ai"}))
      ->capture_default_str();
  app.add_option("--plan", flags->plan,
                 "Hold the predicted placement against Core ML's own plan (docs/compute-plan.md)");
  app.add_option("--trace", flags->trace,
                 "Also tell what Instruments recorded on a device: a table of contents and tables "
                 "that xctrace exported (docs/device-records.md)")
      ->delimiter(',');
  app.add_option("--log", flags->log,
                 "Also look for signs of the Neural Engine in lines of a device's log");
  app.add_option("--sarif", flags->sarif, "Also write the findings as SARIF 2.1.0 to this file");
  app.add_option("--run-text", flags->run_text,
                 "Run this UTF-8 text (- is the standard input) through the model in the Neural "
                 "Engine's arithmetic, simulated, and tell what overflows; with --strict that is "
                 "an error. The programs of a checkpoint are written to the folder for temporary "
                 "files for it");
  app.add_option("--tokenizer", flags->tokenizer,
                 "Directory with tokenizer.json for --run-text (default: the model's)");
  app.add_option("--explain", flags->explain, "Say what a rule finds, why, and what to do");
  auto* rules = app.add_flag("--rules", flags->rules, "List the rules");
  app.add_flag("--markdown", flags->markdown, "List them as a table for docs/checks.md")
      ->needs(rules);
  app.footer("Example: anemone check models/anemone-tiny-anemll --chip m4 --strict");
  return [flags, &common]() -> Status {
    Status status = check(*flags, common);
    if (!status.ok() && status.error().code == ErrorCode::interrupted)
      return Error{ErrorCode::interrupted, "interrupted", {}, {}};  // a conversion says more
    return status;
  };
}

}  // namespace anemone::tools
