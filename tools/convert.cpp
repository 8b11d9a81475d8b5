#include "anemone/convert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "calibration_flags.h"
#include "command.h"
#include "compression_report.h"
#include "not_empty.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string checkpoint;
  std::string output;
  ConvertOptions options;
  std::vector<std::string> prefill;
  std::vector<std::string> lengths;
  std::string chunks = "auto";
  std::string residual_scale = "auto";
  std::string adapter;
  std::string dtype = "fp16";
  CalibrationFlags calibration;
};

Result<double> positive_number(std::string_view flag, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (!text.empty() && *end == '\0' && std::isfinite(value) && value > 0) return value;
  return Error{ErrorCode::invalid_argument,
               fmt::format("{}: '{}', expected a positive number or auto", flag, text),
               {},
               {}};
}

/// A whole number from 1 on.
std::optional<int64_t> count_in(const std::string& text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1) return std::nullopt;
  return count;
}

Result<int64_t> chunk_count(const std::string& text) {
  constexpr int64_t kMost = 1000;
  if (const auto count = count_in(text); count && *count <= kMost) return *count;
  return Error{ErrorCode::invalid_argument,
               fmt::format("--chunks: '{}', expected 1 to {} or auto", text, kMost),
               {},
               {}};
}

Status read_blocks(const std::vector<std::string>& words, ConvertOptions& options) {
  options.no_prefill = words == std::vector<std::string>{"none"};
  if (options.no_prefill) return {};
  for (const std::string& word : words) {
    const auto tokens = count_in(word);
    if (!tokens)
      return Error{ErrorCode::invalid_argument,
                   fmt::format("--prefill: '{}', expected numbers of tokens or none", word),
                   {},
                   {}};
    options.prefill.push_back(*tokens);
  }
  return {};
}

/// Numbers, or one range "1..512".
Status read_lengths(const std::vector<std::string>& words, ConvertOptions& options) {
  const auto wrong = [&](const std::string& word) {
    return Error{
        ErrorCode::invalid_argument,
        fmt::format("--lengths: '{}', expected a number of tokens or one range 1..512", word),
        {},
        {}};
  };
  for (const std::string& word : words) {
    const size_t dots = word.find("..");
    options.any_length = dots != std::string::npos;
    if (options.any_length && words.size() > 1) return wrong(word);
    const auto first = count_in(word.substr(0, dots));
    const auto last = options.any_length ? count_in(word.substr(dots + 2)) : first;
    if (!first || !last || (options.any_length && *last <= *first)) return wrong(word);
    options.lengths.push_back(*first);
    if (options.any_length) options.lengths.push_back(*last);
  }
  return {};
}

Json report_json(const ConversionReport& report, bool calibrates) {
  Json json = {{"version", 1},
               {"path", report.path.string()},
               {"written", report.written},
               {"layout", report.layout},
               {"architecture", report.architecture},
               {"dtype", to_string(report.dtype)},
               {"context", report.context},
               {"prefill", report.prefill},
               {"residual_scale", report.residual_scale},
               {"total_bytes", report.total_bytes}};
  for (const ConvertedPackage& package : report.packages)
    json["packages"].push_back({{"name", package.name},
                                {"functions", package.functions},
                                {"weight_bytes", package.weight_bytes},
                                {"model_bytes", package.model_bytes}});
  if (!report.quantize.empty()) {
    json["quantize"] = report.quantize;
    json["weights"] = weights_json(report.weights);
    json["left"] = left_json(report.left);
    if (calibrates && report.written) json["uncalibrated"] = uncalibrated_json(report.weights);
  }
  if (report.speed.empty()) return json;
  json["bytes_per_token"] = report.bytes_per_token;
  json["bandwidth_source"] = report.bandwidth_source;
  for (const SpeedBound& bound : report.speed)
    json["at_most"].push_back({{"predicted", true},
                               {"chip", bound.chip},
                               {"bandwidth_gb_per_s", bound.bandwidth_gb_per_s},
                               {"tokens_per_second", bound.tokens_per_second}});
  return json;
}

std::string report_text(const ConversionReport& report, const std::string& quantize,
                        bool each_weight) {
  constexpr double kMegabyte = 1e6;
  const std::string blocks =
      report.prefill.empty() ? "" : fmt::format(", prefill {}", fmt::join(report.prefill, ", "));
  std::string text =
      fmt::format("{}: {}, {}, layout {}, context {}{}{}{}\n", report.path.string(),
                  report.architecture, to_string(report.dtype), report.layout, report.context,
                  blocks, nothing_of_text(quantize, report.quantize, report.weights),
                  report.written ? "" : " (dry run: nothing written)");
  for (const ConvertedPackage& package : report.packages)
    text += fmt::format("  {:<36} {:>10.1f} MB  {}\n", package.name,
                        static_cast<double>(package.weight_bytes + package.model_bytes) / kMegabyte,
                        fmt::join(package.functions, ", "));
  text += weights_text(report.weights, each_weight) + left_text(report.left, each_weight);
  if (report.written || report.speed.empty()) return text;
  text +=
      fmt::format("predicted, at most ({:.1f} MB a token; {}):\n",
                  static_cast<double>(report.bytes_per_token) / kMegabyte, report.bandwidth_source);
  for (const SpeedBound& bound : report.speed)
    text += fmt::format("  {:<8} {:>6.1f} GB/s {:>10.1f} tok/s predicted\n", bound.chip,
                        bound.bandwidth_gb_per_s, bound.tokens_per_second);
  return text;
}

Status convert_checkpoint(const Flags& flags, const CommonFlags& common) {
  ANEMONE_TRY([[maybe_unused]] const auto runtime, common.runtime_options());
  ANEMONE_RETURN_IF_ERROR(flags.calibration.check());
  ConvertOptions options = flags.options;
  ANEMONE_RETURN_IF_ERROR(read_blocks(flags.prefill, options));
  ANEMONE_RETURN_IF_ERROR(read_lengths(flags.lengths, options));
  if (flags.chunks != "auto") {
    ANEMONE_TRY(options.chunks, chunk_count(flags.chunks));
  }
  if (flags.residual_scale != "auto") {
    ANEMONE_TRY(options.residual_scale, positive_number("--residual-scale", flags.residual_scale));
  }
  options.threads = common.threads;
  options.adapter = flags.adapter;
  options.dtype = flags.dtype == "fp32" ? DType::fp32 : DType::fp16;
  options.log = log_sink(common);
  ProgressLine progress(common);
  options.progress = progress.sink();
  const auto converted = [&]() -> Result<ConversionReport> {
    if (!flags.calibration.calibrates()) return convert(flags.checkpoint, flags.output, options);
    ANEMONE_TRY(calibrate::Options tuning, flags.calibration.options(common));
    tuning.progress = options.progress;
    return calibrate::convert(flags.checkpoint, flags.output, options, tuning);
  };
  ANEMONE_TRY(const auto report, converted());
  if (common.quiet && !common.json) return {};
  return write_stdout(common.json
                          ? report_json(report, flags.calibration.calibrates())
                                    .dump(2, ' ', false, Json::error_handler_t::replace) +
                                "\n"
                          : report_text(report, flags.options.quantize, common.verbose > 0));
}

}  // namespace

Action add_convert(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  ConvertOptions& options = flags->options;
  app.description("Checkpoint to Core ML packages");
  app.add_option("checkpoint", flags->checkpoint,
                 "Folder of a Hugging Face model, or its file of weights")
      ->required()
      ->check(not_empty());
  app.add_option("-o,--output", flags->output,
                 "Folder to write; with --layout stateful or plain also one .mlpackage, which has "
                 "no place for tokenizer, chat template and generation config")
      ->required();
  app.add_option("--layout", options.layout, "anemone, anemll, stateful or plain")
      ->check(CLI::IsMember({"anemone", "anemll", "stateful", "plain"}));
  app.add_flag("--monolith", options.monolith, "Layout anemll: one package from tokens to logits");
  app.add_flag(
      "--argmax", options.argmax,
      "With --monolith: a step gives the arg max of each part of the vocabulary, no logits");
  app.add_option("--context", options.context,
                 "Tokens of the cache; 0: 512, or what the model has if that is less")
      ->check([](const std::string& text) {
        return text == "0" || count_in(text)
                   ? std::string()
                   : fmt::format("'{}', expected a number of tokens", text);
      });
  app.add_option(
         "--prefill", flags->prefill,
         "Tokens of a block, default 64, or what the context has if that is less; with "
         "--layout anemone also several sizes (64,16), or none: a package that only decodes")
      ->delimiter(',');
  app.add_option("--chunks", flags->chunks, "Packages to divide the model into, or auto");
  app.add_option("--chip", options.chip,
                 "Chip whose weight limit decides with --chunks auto: a12 to a19pro, m1 to m5max; "
                 "default: the least limit");
  app.add_option("--residual-scale", flags->residual_scale,
                 "Power of two that the residual stream is kept multiplied by, or auto: only "
                 "where fp16 would overflow");
  app.add_option("--lengths", flags->lengths,
                 "Layout plain: tokens of the inputs; a folder gets a package for each, one "
                 ".mlpackage takes them all. 1..512: any from 1 to 512")
      ->delimiter(',');
  app.add_option("--adapter", flags->adapter, "LoRA adapter to merge")->check(not_empty());
  app.add_option("--dtype", flags->dtype, "Weights and activations")
      ->check(CLI::IsMember({"fp16", "fp32"}));
  app.add_option(
         "--target", options.target,
         "Least system version: iOS18 or macOS15; with --layout plain also iOS17 or macOS14")
      ->check(CLI::IsMember({"iOS17", "iOS18", "macOS14", "macOS15"}));
  app.add_option("--quantize", options.quantize,
                 "How weights are stored: lut4:g16 for all but the embedding, or part by part: "
                 "ffn=lut4:g16,attn=lut6,head=lut6:g8,embed=int8")
      ->check(not_empty());
  add_calibration_flags(app, flags->calibration, false);
  app.add_option("--no-pass", options.passes.off,
                 "Leave this rewrite of the programs out; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--dry-run", options.dry_run, "Show the plan, write nothing");
  app.add_flag("--overwrite", options.overwrite, "Replace an earlier conversion at the same place");
  app.footer("Example: anemone convert models/anemone-tiny -o tiny --context 256");
  return [flags, &common] { return convert_checkpoint(*flags, common); };
}

}  // namespace anemone::tools
