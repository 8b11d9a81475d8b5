#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "anemone/evaluate.h"
#include "command.h"
#include "eval_flags.h"
#include "eval_report.h"
#include "simulated_heading.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

constexpr const char* kGoOn = "the answers so far are kept: the same command with --resume goes on";

nlohmann::ordered_json work_json(const eval::Work& work) {
  return {{"tokens_run", work.tokens_run},
          {"tokens_each_request_alone", work.tokens_alone},
          {"tokens_hf_with_logits_cache", work.tokens_logits_cache},
          {"truncated_requests", work.truncated_requests}};
}

/// Counts tokens instead of running them.
Status dry_run(const EvalFlags& flags, const CommonFlags& common, eval::Options options,
               const text::Tokenizer& tokenizer) {
  const LogSink log = log_sink(common);
  int64_t score_block_tokens = 0;
  if (options.max_length == 0) {
    const auto model = flags.model.open(common, false);
    if (!model.ok()) {
      Error error = model.error();
      if (error.hint.empty()) error.hint = "--max-length stands for the context of a model";
      return error;
    }
    options.max_length = (*model)->info().context_length;
    score_block_tokens = (*model)->info().score_block_tokens;
  }
  const auto run = [&] {
    ProgressLine progress(common);
    return eval::count_tokens(tokenizer, options, score_block_tokens, progress.sink(), log);
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

Status evaluate(const EvalFlags& flags, const CommonFlags& common) {
  if (flags.output_path.empty() && (flags.log_samples || flags.predict_only))
    return Error{ErrorCode::invalid_argument,
                 fmt::format("{} without --output-path: the answers would be lost",
                             flags.predict_only ? "--predict-only" : "--log-samples"),
                 {},
                 "name the folder for them"};
  if (flags.output_path.empty() && (flags.resume || !flags.shard.empty()))
    return Error{
        ErrorCode::invalid_argument,
        fmt::format(
            "{} without --output-path, where {}", flags.resume ? "--resume" : "--shard",
            flags.resume ? "the answers of the run before lie" : "the merge finds what it needs"),
        {},
        "name the folder"};
  const LogSink log = log_sink(common);
  ANEMONE_TRY(eval::Options options, to_options(flags));
  ANEMONE_TRY(const auto tokenizer, flags.model.load_tokenizer());
  ANEMONE_RETURN_IF_ERROR(eval::check_options(options, tokenizer));
  if (flags.dry_run) return dry_run(flags, common, options, tokenizer);
  if (!flags.output_path.empty())
    ANEMONE_RETURN_IF_ERROR(eval::check_output(flags.output_path).in("--output-path"));
  if (flags.check_integrity)
    ANEMONE_RETURN_IF_ERROR(eval::check_integrity(options, tokenizer, log).in("--check-integrity"));
  const auto start = std::chrono::steady_clock::now();
  ANEMONE_TRY(const auto model, flags.model.open(common, true));
  const std::chrono::duration<double> loading = std::chrono::steady_clock::now() - start;
  log(LogLevel::info,
      fmt::format("{}: {}, context {}, numerics {}, loaded in {:.1f} s", model->info().name,
                  model->info().form, model->info().context_length,
                  runtime::to_string(model->info().numerics), loading.count()));
  if (!flags.output_path.empty())
    options.answers = eval::answers_path(flags.output_path, model->info().name, options.shard);
  const auto run = [&] {  // the progress line is gone when this returns
    ProgressLine progress(common);
    return eval::evaluate(*model, tokenizer, options, progress.sink(), log);
  };
  auto report = run();
  print_late_notes(*model, common);
  std::error_code code;
  const bool kept = std::filesystem::exists(options.answers, code);
  if (!report.ok()) {
    Error error = std::move(report).error();
    const bool was_running = error.code == ErrorCode::interrupted || error.code == ErrorCode::io;
    if (kept && was_running && error.hint.empty()) error.hint = kGoOn;
    return error;
  }
  if (!common.json && model->info().numerics == runtime::Numerics::ane)
    ANEMONE_RETURN_IF_ERROR(write_stdout(kSimulatedHeading));
  auto status = publish(*report, flags.output_path, common);
  if (status.ok()) return status;
  Error error = std::move(status).error();
  if (kept && error.code == ErrorCode::interrupted) error.hint = kGoOn;
  return error;
}

}  // namespace

Action add_eval(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<EvalFlags>();
  app.description("Benchmark tasks and perplexity, with lm-evaluation-harness' numbers");
  add_eval_flags(app, *flags);
  app.footer("Example: anemone eval models/anemone-tiny-anemll --tasks arc_easy,boolq --limit 100");
  return [flags, &common] { return evaluate(*flags, common); };
}

}  // namespace anemone::tools
