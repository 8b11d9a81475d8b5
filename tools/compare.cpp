#include "anemone/compare.h"

#include <fmt/format.h>

#include <memory>

#include "anemone/report.h"
#include "command.h"
#include "not_empty.h"
#include "output_path.h"
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

/// A form of the comparison that goes to a file, or for "-" to stdout in place of the table.
struct Output {
  const char* flag;
  const std::string& path;
  report::Format format;
};

/// What would be noticed after the work otherwise.
Status check_outputs(const Output (&outputs)[2], const CommonFlags& common) {
  const auto usage = [](const std::string& message, const std::string& hint) {
    return Error{ErrorCode::invalid_argument, message, {}, hint};
  };
  for (const Output& output : outputs) {
    if (output.path == "-" && common.json)
      return usage(fmt::format("{} - and --json would both write to stdout", output.flag),
                   "give one of them a file");
    if (!output.path.empty() && output.path != "-")
      ANEMONE_RETURN_IF_ERROR(check_file(output.path));
  }
  const auto& [first, second] = outputs;
  if (first.path.empty() || second.path.empty()) return {};
  if (first.path == "-" && second.path == "-")
    return usage(fmt::format("{} - and {} - would both write to stdout", first.flag, second.flag),
                 "give one of them a file");
  if (is_one_file(first.path, second.path))
    return usage(fmt::format("{} {} and {} {} are one file", first.flag, first.path, second.flag,
                             second.path),
                 "give each a file of its own");
  return {};
}

/// The files that were read, and the results beside them that may be asked for next.
std::vector<InputPath> files_of(const compare::Comparison& found) {
  std::vector<InputPath> files;
  for (const compare::Source& source : found.sources) {
    files.push_back({source.path.string() + ", which is compared", source.path});
    for (const auto& other : source.not_read)
      files.push_back({other.string() + ", other results of a folder that is compared", other});
  }
  return files;
}

Status write_comparison(const compare::Comparison& found, const Output (&outputs)[2],
                        const CommonFlags& common) {
  bool is_shown = false;
  for (const Output& output : outputs) {
    if (output.path != "-") continue;
    ANEMONE_RETURN_IF_ERROR(write_stdout(report::comparison(found, output.format)));
    is_shown = true;
  }
  // What was computed is shown, whatever becomes of the files.
  if (!is_shown)
    ANEMONE_RETURN_IF_ERROR(write_stdout(common.json
                                             ? report::comparison_json(found)
                                             : report::comparison(found, report::Format::text)));
  for (const Output& output : outputs)
    if (!goes_to_stdout(output.path))
      ANEMONE_RETURN_IF_ERROR(write_file(output.path, report::comparison(found, output.format)));
  return {};
}

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
  const Output outputs[] = {{"--html", flags.html, report::Format::html},
                            {"--markdown", flags.markdown, report::Format::markdown}};
  ANEMONE_RETURN_IF_ERROR(check_outputs(outputs, common));
  ANEMONE_TRY(const compare::Comparison found, compare::compare(inputs, options));
  const std::vector<InputPath> files = files_of(found);
  for (const Output& output : outputs)
    ANEMONE_RETURN_IF_ERROR(check_inputs_stay(output.flag, output.path, files));
  return write_comparison(found, outputs, common);
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
  app.add_option("--html", flags->html,
                 "One-file page to write; - is stdout, in place of the table")
      ->check(not_empty());
  app.add_option("--markdown", flags->markdown,
                 "Markdown file to write; - is stdout, in place of the table")
      ->check(not_empty());
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
