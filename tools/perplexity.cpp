#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "anemone/evaluate.h"
#include "command.h"
#include "input_text.h"
#include "model_flags.h"
#include "simulated_heading.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

struct Flags {
  ModelFlags model;
  std::string file;
  int64_t window = 0;
  int64_t stride = 0;
};

std::string to_json(const eval::PerplexityReport& report, const lm::ModelInfo& model) {
  const nlohmann::ordered_json json = {{"version", 1},
                                       {"model", model.name},
                                       {"model_hash", model.hash},
                                       {"numerics", runtime::to_string(model.numerics)},
                                       {"simulated", model.numerics == runtime::Numerics::ane},
                                       {"tokens", report.tokens},
                                       {"words", report.words},
                                       {"bytes", report.bytes},
                                       {"windows", report.windows},
                                       {"log_likelihood", report.log_likelihood},
                                       {"token_perplexity", report.token_perplexity},
                                       {"word_perplexity", report.word_perplexity},
                                       {"byte_perplexity", report.byte_perplexity},
                                       {"bits_per_byte", report.bits_per_byte},
                                       {"tokens_run", report.work.tokens_run},
                                       {"seconds", report.work.seconds}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.4f}", value) : "n/a";
}

Status measure(const Flags& flags, const CommonFlags& common) {
  ANEMONE_RETURN_IF_ERROR(common.runtime_options());
  ANEMONE_TRY(const std::string content, read_text(flags.file));
  if (content.empty())
    return Error{ErrorCode::mismatch,
                 fmt::format("{}: the text is empty", flags.file),
                 {},
                 "perplexity needs at least one token"};
  ANEMONE_TRY(const auto tokenizer, flags.model.load_tokenizer());
  ANEMONE_TRY(const auto model, flags.model.open(common, common.json));
  const auto run = [&] {  // the progress line is gone when this returns
    ProgressLine progress(common);
    return eval::perplexity(*model, tokenizer, content, {flags.window, flags.stride},
                            progress.sink());
  };
  auto measured = run();
  if (!measured.ok() && measured.error().code == ErrorCode::interrupted)
    return std::move(measured).error();
  ANEMONE_TRY(const auto report, std::move(measured).in(flags.file));
  print_late_notes(*model, common);
  if (common.json) return write_stdout(to_json(report, model->info()));
  const bool simulated = model->info().numerics == runtime::Numerics::ane;
  return write_stdout(std::string(simulated ? kSimulatedHeading : "") +
                      fmt::format("token perplexity {} over {} in {}\n"
                                  "word perplexity  {} over {}\n"
                                  "byte perplexity  {} over {}, {} bits a byte\n",
                                  number(report.token_perplexity), counted(report.tokens, "token"),
                                  counted(report.windows, "window"), number(report.word_perplexity),
                                  counted(report.words, "word"), number(report.byte_perplexity),
                                  counted(report.bytes, "byte"), number(report.bits_per_byte)));
}

}  // namespace

Action add_perplexity(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Perplexity of a text");
  add_model_flags(app, flags->model);
  add_tokenizer_flag(app, flags->model);
  app.add_option("file", flags->file, "UTF-8 text; - is the standard input")->required();
  app.add_option("--window", flags->window, "Tokens fed at most; 0: the model's context")
      ->check(whole_number());
  app.add_option("--stride", flags->stride,
                 "Tokens by which windows move; 0: the window, as lm-evaluation-harness does")
      ->check(whole_number());
  app.footer("Example: anemone perplexity models/anemone-tiny-anemll README.md");
  return [flags, &common] { return measure(*flags, common); };
}

}  // namespace anemone::tools
