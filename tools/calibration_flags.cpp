#include "calibration_flags.h"

#include <fmt/format.h>

#include "input_text.h"
#include "not_empty.h"
#include "read_number.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

constexpr int64_t kWindows = 64;
constexpr int64_t kMeasuredWindows = 8;

CLI::Validator bits() {
  return CLI::Validator(
      [](std::string& text) {
        const auto value = read_number(text);
        return value && *value > 0 && *value <= calibrate::kMostTargetBits
                   ? std::string()
                   : fmt::format(
                         "'{}', expected bits a weight, above 0 and at most {}, such as 3.5", text,
                         calibrate::kMostTargetBits);
      },
      "");
}

}  // namespace

Status CalibrationFlags::check() const {
  if (windows && !calibrates())
    return Error{ErrorCode::invalid_argument,
                 "--calibration-windows is of --calibrate",
                 {},
                 "--calibrate TEXT, or leave it out"};
  if (measured_windows && measured.empty())
    return Error{ErrorCode::invalid_argument,
                 "--measure-windows is of --measure",
                 {},
                 "--measure TEXT, or leave it out"};
  return {};
}

Result<calibrate::Options> CalibrationFlags::options(const CommonFlags& common) const {
  calibrate::Options options;
  ANEMONE_TRY(options.runtime, common.runtime_options());
  if (!text.empty()) {
    ANEMONE_TRY(options.text, read_text(text));
    options.text_name = text;
  }
  options.windows = windows.value_or(kWindows);
  options.target_bits = target_bits;
  options.log = log_sink(common);
  return options;
}

Result<std::optional<calibrate::Options>> CalibrationFlags::measuring(
    const std::filesystem::path& model, const CommonFlags& common) const {
  if (measured.empty()) return std::optional<calibrate::Options>();
  calibrate::Options options;
  ANEMONE_TRY(options.runtime, common.runtime_options());
  ANEMONE_TRY(options.text, read_text(measured));
  options.text_name = measured;
  options.windows = measured_windows.value_or(kMeasuredWindows);
  ANEMONE_RETURN_IF_ERROR(calibrate::check_comparable(model, options).in("--measure"));
  return std::optional(std::move(options));
}

void add_calibration_flags(CLI::App& app, CalibrationFlags& flags, bool measures) {
  app.add_option(
         "--calibrate", flags.text,
         "UTF-8 text that compression is tuned on, of one window or more: as many tokens as "
         "the model's context, 512 at most or one block of its prefill; what is done is kept in "
         "OUT.partial until OUT "
         "is whole")
      ->check(not_empty());
  app.add_option("--calibration-windows", flags.windows,
                 "Windows of that text that the model runs at most (64)")
      ->check(count_from_one());
  app.add_option(
         "--target-bits", flags.target_bits,
         "In place of --quantize: the most bits a weight on the average; each weight gets the "
         "scheme that changes the model's answers least, of lut2, lut3, lut4, lut6 and int8")
      ->check(bits());
  if (!measures) return;
  app.add_option("--measure", flags.measured,
                 "UTF-8 text that loss, best tokens and KL divergence are measured on, beside the "
                 "model before")
      ->check(not_empty());
  app.add_option("--measure-windows", flags.measured_windows, "Pieces of that text (8)")
      ->check(count_from_one());
}

nlohmann::ordered_json uncalibrated_json(const std::vector<CompressedWeight>& weights) {
  auto json = nlohmann::ordered_json::array();
  for (const calibrate::Uncalibrated& those : calibrate::uncalibrated(weights))
    json.push_back({{"part", those.part},
                    {"scheme", those.scheme},
                    {"weights", those.weights},
                    {"of_weights", those.of_weights}});
  return json;
}

nlohmann::ordered_json comparison_json(const calibrate::Comparison& comparison) {
  return {{"tokens", comparison.tokens},
          {"dense_loss", comparison.dense_loss},
          {"loss", comparison.loss},
          {"dense_perplexity", std::exp(comparison.dense_loss)},
          {"perplexity", std::exp(comparison.loss)},
          {"top1_agreement", comparison.top1_agreement},
          {"kl_divergence", comparison.kl_divergence}};
}

std::string comparison_text(const calibrate::Comparison& comparison) {
  return fmt::format(
      "over {} tokens: loss {:.4f}, before {:.4f} (perplexity {:.3f}, before {:.3f}); best token "
      "the same {:.2f} %, KL {:.5f}\n",
      comparison.tokens, comparison.loss, comparison.dense_loss, std::exp(comparison.loss),
      std::exp(comparison.dense_loss), 100 * comparison.top1_agreement, comparison.kl_divergence);
}

}  // namespace anemone::tools
