#include "anemone/compare.h"

#include <fmt/format.h>

#include <memory>

#include "anemone/report.h"
#include "command.h"
#include "terminal.h"
#include "text_file.h"

namespace anemone::tools {
namespace {

struct Flags {
  std::vector<std::string> inputs;
  std::string html;
  std::string markdown;
  double confidence = 0.95;
  uint64_t resamples = 10000;
  uint64_t seed = 1234;
  bool by_length = false;
  std::vector<int64_t> lengths;
};

Status run_compare(const Flags& flags, const CommonFlags& common) {
  std::vector<compare::Input> inputs;
  for (const std::string& word : flags.inputs) {
    inputs.push_back(compare::parse_input(word));
    if (word.starts_with('=') && inputs.back().path != word)
      return Error{ErrorCode::invalid_argument, word + ": the label is empty", {}, {}};
  }
  compare::Options options;
  options.bootstrap.confidence = flags.confidence;
  options.bootstrap.resamples = flags.resamples;
  options.bootstrap.seed = flags.seed;
  options.by_length = flags.by_length || !flags.lengths.empty();
  if (!flags.lengths.empty()) options.length_edges = flags.lengths;
  ANEMONE_TRY(const compare::Comparison found, compare::compare(inputs, options));
  // What was computed is shown, whatever becomes of the files.
  ANEMONE_RETURN_IF_ERROR(write_stdout(common.json
                                           ? report::comparison_json(found)
                                           : report::comparison(found, report::Format::text)));
  if (!flags.html.empty())
    ANEMONE_RETURN_IF_ERROR(
        write_file(flags.html, report::comparison(found, report::Format::html)));
  if (!flags.markdown.empty())
    ANEMONE_RETURN_IF_ERROR(
        write_file(flags.markdown, report::comparison(found, report::Format::markdown)));
  return {};
}

}  // namespace

Action add_compare(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Two or more results side by side, with tests of their differences");
  app.add_option("results", flags->inputs,
                 "Results of eval, lm-evaluation-harness or mlx_lm.evaluate (files or folders), "
                 "JSON of bench, probe or check; LABEL=PATH joins those of one model. The first is "
                 "the reference")
      ->required();
  app.add_option("--html", flags->html, "One-file page to write");
  app.add_option("--markdown", flags->markdown, "Markdown file to write");
  app.add_option("--confidence", flags->confidence, "Of intervals; tests use 1 minus it (0.95)")
      ->check(number_from_zero());
  app.add_option("--resamples", flags->resamples, "Of each bootstrap (10000)")
      ->check(whole_number());
  app.add_option("--seed", flags->seed, "Of the bootstrap (1234)")->check(whole_number());
  app.add_flag("--by-length", flags->by_length, "Scores also by the length of the documents");
  app.add_option("--lengths", flags->lengths,
                 "Upper ends of the lengths in words (8,16,32,64,128,256)")
      ->delimiter(',')
      ->check(whole_number());
  app.footer("Example: anemone compare fp16=results/fp16 lut4=results/lut4 --html report.html");
  return [flags, &common] { return run_compare(*flags, common); };
}

}  // namespace anemone::tools
