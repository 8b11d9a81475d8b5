#include <fmt/format.h>

#include "anemone/convert.h"
#include "calibration_flags.h"
#include "command.h"
#include "compression_report.h"
#include "not_empty.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string model;
  std::string output;
  CompressOptions options;
  CalibrationFlags calibration;
};

Status compress_package(const Flags& flags, const CommonFlags& common) {
  ANEMONE_RETURN_IF_ERROR(flags.calibration.check());
  CompressOptions options = flags.options;
  ANEMONE_TRY([[maybe_unused]] const auto runtime, common.runtime_options());
  options.threads = common.threads;
  options.log = log_sink(common);
  ProgressLine progress(common);
  options.progress = progress.sink();
  ANEMONE_TRY(auto measuring, flags.calibration.measuring(flags.model, common));
  const auto compressed = [&]() -> Result<CompressionReport> {
    if (!flags.calibration.calibrates()) return compress_model(flags.model, flags.output, options);
    ANEMONE_TRY(calibrate::Options tuning, flags.calibration.options(common));
    tuning.progress = options.progress;
    return calibrate::compress_model(flags.model, flags.output, options, tuning);
  };
  ANEMONE_TRY(const auto report, compressed());
  std::optional<calibrate::Comparison> comparison;
  if (measuring) {
    measuring->progress = options.progress;
    auto compared = calibrate::compare(flags.model, report.path, *measuring);
    if (!compared.ok()) {
      Error error = std::move(compared).error();
      error.hint += fmt::format("{}{} is complete: only the measuring failed",
                                error.hint.empty() ? "" : "; ", report.path.string());
      return error;
    }
    comparison = *std::move(compared);
  }
  if (common.json) {
    Json json = {{"version", 1},
                 {"path", report.path.string()},
                 {"quantize", report.quantize},
                 {"dense_bytes", report.dense_bytes},
                 {"bytes", report.bytes},
                 {"weights", weights_json(report.weights)},
                 {"left", left_json(report.left)}};
    if (flags.calibration.calibrates()) json["uncalibrated"] = uncalibrated_json(report.weights);
    if (comparison) json["measured"] = comparison_json(*comparison);
    return write_stdout(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  const std::string measured = comparison ? comparison_text(*comparison) : "";
  if (common.quiet) return measured.empty() ? Status() : write_stdout(measured);
  constexpr double kMegabyte = 1e6;
  return write_stdout(fmt::format(
      "{}: {}{}, {:.1f} MB of weights, before {:.1f} MB\n{}{}{}", report.path.string(),
      report.quantize, nothing_of_text(flags.options.quantize, report.quantize, report.weights),
      static_cast<double>(report.bytes) / kMegabyte,
      static_cast<double>(report.dense_bytes) / kMegabyte,
      weights_text(report.weights, common.verbose > 0), left_text(report.left, common.verbose > 0),
      measured));
}

}  // namespace

Action add_compress(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Compress the weights of a finished model");
  app.add_option("model", flags->model, "Package, or folder with packages (any layout)")
      ->required()
      ->check(not_empty());
  app.add_option("-o,--output", flags->output, "Package or folder to write")->required();
  app.add_option("--quantize", flags->options.quantize,
                 "How weights are stored: lut4:g16 for all but the embedding, or part by part: "
                 "ffn=lut4:g16,attn=lut6,head=lut6:g8,embed=int8")
      ->check(not_empty());
  add_calibration_flags(app, flags->calibration, true);
  app.add_flag("--overwrite", flags->options.overwrite,
               "Replace an earlier result at the same place");
  app.footer("Example: anemone compress tiny -o tiny4 --quantize lut4:g16 --calibrate prose.txt");
  return [flags, &common] { return compress_package(*flags, common); };
}

}  // namespace anemone::tools
