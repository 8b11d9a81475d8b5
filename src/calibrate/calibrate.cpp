#include "anemone/calibrate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/final_path.h"
#include "base/staged_folder.h"
#include "calibrate/target_bits.h"
#include "convert/companions.h"
#include "convert/finished_model.h"
#include "convert/output_folder.h"
#include "convert/partial_folder.h"

namespace anemone::calibrate {
namespace {

namespace fs = std::filesystem;

using converter::PartialFolder;

/// What has to be known before any work. Errors: invalid_argument.
Result<compress::Spec> check_request(const std::string& quantize, const Options& options) {
  if (!std::isfinite(options.target_bits) || options.target_bits < 0)
    return fail(ErrorCode::invalid_argument, "target bits: {} is no number of bits",
                options.target_bits);
  if (options.target_bits > kMostTargetBits)
    return with_hint(fail(ErrorCode::invalid_argument, "target bits: {}, and weights have {}",
                          options.target_bits, kMostTargetBits),
                     "without --target-bits and --quantize they stay as they are");
  if (options.target_bits == 0) {
    ANEMONE_TRY(compress::Spec spec, compress::Spec::parse(quantize));
    if (spec.is_dense()) return compress::compresses_nothing(quantize);
    return spec;
  }
  if (!quantize.empty())
    return with_hint(
        fail(ErrorCode::invalid_argument, "target bits choose what '{}' says already", quantize),
        "give one of the two: --quantize or --target-bits");
  if (options.text.empty() && options.text_name.empty())
    return with_hint(fail(ErrorCode::invalid_argument,
                          "--target-bits: what a weight needs is measured on a text"),
                     "--calibrate names one");
  return compress::Spec();
}

/// Runs what keeps its results in `partial` until all is done. Where an error leaves some, it says
/// so.
template <typename Work>
auto keeping(const fs::path& place, const LogSink& log, Work work)
    -> decltype(work(std::declval<const fs::path&>())) {
  ANEMONE_TRY(const PartialFolder folder, PartialFolder::open(place));
  const fs::path& partial = folder.path();
  if (folder.was_there() && log)
    log(LogLevel::info, fmt::format("{} is of an earlier run: what in it is of this model and "
                                    "text is not done again, and all of it goes in the end",
                                    partial.string()));
  auto result = work(partial);
  if (result.ok()) {
    folder.remove();
    return result;
  }
  Error error = std::move(result).error();
  folder.remove_all_but_weights();
  if (!PartialFolder::is_ours(partial)) return error;
  error.hint +=
      fmt::format("{}{} keeps what is done: the same command goes on from it; else remove it",
                  error.hint.empty() ? "" : "; ", partial.string());
  return error;
}

/// The tokenizer that will travel with a conversion: its files may lie in two folders, those of the
/// adapter and of the base, and are joined by links.
Result<text::Tokenizer> tokenizer_for(const fs::path& path, const fs::path& adapter) {
  ANEMONE_TRY(const auto companions, converter::companions_of(path, adapter));
  const auto folder_of = [](const converter::Companion& companion) {
    return companion.path.parent_path();
  };
  const auto elsewhere = [&](const converter::Companion& companion) {
    return companion.path.filename() != companion.name ||
           folder_of(companion) != folder_of(companions[0]);
  };
  if (!companions.empty() && std::ranges::none_of(companions, elsewhere))
    return tokenizer_of(folder_of(companions[0]));
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (error) return fail(ErrorCode::io, "no folder for temporary files: {}", error.message());
  ANEMONE_TRY(const StagedFolder joined, StagedFolder::create(temporary / "tokenizer"));
  for (const converter::Companion& companion : companions) {
    fs::create_symlink(fs::absolute(companion.path, error), joined.path() / companion.name, error);
    if (error)
      return fail(ErrorCode::io, "{}: cannot link: {}", companion.path.string(), error.message());
  }
  auto tokenizer = tokenizer_of(joined.path());
  if (!tokenizer.ok()) return with_final_path(tokenizer.error(), joined.path(), path);
  return tokenizer;
}

/// Whether the text has a window for a conversion that is planned.
Status check_text(const fs::path& path, const ConvertOptions& convert,
                  const ConversionReport& planned, const Options& options) {
  ANEMONE_TRY(const auto tokenizer, tokenizer_for(path, convert.adapter));
  lm::ModelInfo info;
  info.path = path;
  info.form = convert.layout;
  info.context_length = planned.context;
  info.prefill_block_tokens = planned.prefill.empty() ? 0 : planned.prefill.front();
  info.gives_logits = !convert.argmax;
  ANEMONE_TRY(const Windows windows, windows_of(options, tokenizer, info));
  return {};
}

Choices of_one_package(const Choices& choices) {
  Choices joined;
  for (const auto& [key, scheme] : choices)
    joined[{"", std::get<1>(key), std::get<2>(key)}] = scheme;
  return joined;
}

/// Rounds the weights of a finished model and says how they are stored. `joined`: all packages
/// become one that has no name.
Result<std::shared_ptr<const compress::WeightPlan>> make_plan(const fs::path& model,
                                                              const fs::path& partial, bool joined,
                                                              const CompressOptions& compress,
                                                              const Options& options) {
  ANEMONE_TRY(const compress::Spec spec, check_request(compress.quantize, options));
  ANEMONE_TRY(const auto tuner,
              Tuner::open(model, partial / PartialFolder::kWeights, compress.threads, options));
  if (options.target_bits > 0) {
    ANEMONE_TRY(TargetChoice chosen,
                choose_schemes(*tuner, options.target_bits, partial, compress, options));
    if (joined) chosen.choices = of_one_package(chosen.choices);
    if (options.log)
      options.log(LogLevel::info, fmt::format("{:.3f} bits a weight, of {} that are allowed",
                                              chosen.bits, options.target_bits));
    return std::shared_ptr<const compress::WeightPlan>(std::make_shared<StoredPlan>(
        tuner->store(), std::move(chosen.choices), fmt::format("{:.3f} bits", chosen.bits)));
  }
  std::vector<Job> jobs;
  for (const TunedWeight& weight : tuner->weights())
    if (const compress::Scheme* scheme = spec.scheme(weight.found.part)) {
      ANEMONE_RETURN_IF_ERROR(
          scheme->form(weight.found.weight).in(fmt::format("weight '{}'", weight.found.name)));
      jobs.push_back({&weight, scheme});
    }
  ANEMONE_RETURN_IF_ERROR(tuner->round(jobs));
  return std::shared_ptr<const compress::WeightPlan>(std::make_shared<StoredPlan>(tuner->store()));
}

/// Says which parts are stored as they would be without a text.
void warn_of_uncalibrated(const std::vector<CompressedWeight>& weights, const LogSink& log) {
  if (!log) return;
  for (const Uncalibrated& those : uncalibrated(weights))
    log(LogLevel::warning,
        fmt::format("{} as {}: {} of {} weights are stored without calibration, {}", those.part,
                    those.scheme, those.weights, those.of_weights,
                    those.part == compress::kPartNames[static_cast<size_t>(compress::Part::embed)]
                        ? "which does not tune the embedding"
                        : "which does not tune such schemes or did not reach them"));
}

/// The spec that a plan with a scheme for each weight stands over.
std::string spec_text(const std::string& quantize, const Options& options) {
  return options.target_bits > 0 ? target_schemes().back().text() : quantize;
}

}  // namespace

std::vector<Uncalibrated> uncalibrated(const std::vector<CompressedWeight>& weights) {
  std::map<std::pair<std::string, std::string>, Uncalibrated> found;
  for (const CompressedWeight& weight : weights) {
    Uncalibrated& those = found[{weight.part, weight.scheme}];
    ++those.of_weights;
    if (!weight.output_error) ++those.weights;
  }
  std::vector<Uncalibrated> result;
  for (auto& [key, those] : found) {
    if (those.weights == 0) continue;
    std::tie(those.part, those.scheme) = key;
    result.push_back(std::move(those));
  }
  return result;
}

Result<CompressionReport> compress_model(const fs::path& path, const fs::path& out,
                                         const CompressOptions& compress, const Options& options) {
  ANEMONE_RETURN_IF_ERROR(check_request(compress.quantize, options));
  CompressOptions planned = compress;
  planned.quantize = spec_text(compress.quantize, options);
  ANEMONE_TRY(const auto model, converter::check_compression(path, out, planned));
  ANEMONE_RETURN_IF_ERROR(PartialFolder::check(model.out));
  ANEMONE_RETURN_IF_ERROR(converter::check_source(PartialFolder::place_of(model.out), path));
  const auto work = [&](const fs::path& partial) -> Result<CompressionReport> {
    ANEMONE_TRY(planned.weight_plan, make_plan(path, partial, false, compress, options));
    auto report = anemone::compress_model(path, model.out, planned);
    if (report.ok()) warn_of_uncalibrated(report->weights, options.log);
    return report;
  };
  return keeping(model.out, options.log, work);
}

Result<ConversionReport> convert(const fs::path& path, const fs::path& out,
                                 const ConvertOptions& convert, const Options& options) {
  ANEMONE_TRY(const fs::path place, converter::output_place(out));
  ANEMONE_RETURN_IF_ERROR(check_request(convert.quantize, options));
  if (options.target_bits > 0 && convert.layout == "anemll")
    return with_hint(fail(ErrorCode::unsupported,
                          "target bits: layout anemll has one number of bits for each part"),
                     "--quantize and --calibrate work with it");
  if (!convert.dry_run) {
    ANEMONE_RETURN_IF_ERROR(converter::check_source(place, path));
    ANEMONE_RETURN_IF_ERROR(converter::check_output(place, convert.overwrite));
    ANEMONE_RETURN_IF_ERROR(PartialFolder::check(place));
  }
  ConvertOptions plan = convert;  // says what is wrong, reads no weights but those of tied heads
  plan.dry_run = true;
  plan.residual_scale = convert.residual_scale.value_or(1);
  plan.log = {};
  plan.progress = {};
  ANEMONE_TRY(const ConversionReport known, anemone::convert(path, place, plan));
  ANEMONE_RETURN_IF_ERROR(check_text(path, convert, known, options));
  if (convert.dry_run) {
    if (options.target_bits > 0 && options.log)
      options.log(LogLevel::info,
                  "the sizes of this plan are those without compression, which the result stays "
                  "below: target bits are given out when the model is run");
    return anemone::convert(path, place, convert);
  }
  const auto work = [&](const fs::path& partial) -> Result<ConversionReport> {
    ConvertOptions dense = convert;
    dense.quantize.clear();
    dense.overwrite = true;
    const fs::path made = partial / PartialFolder::kDense;
    ANEMONE_RETURN_IF_ERROR(anemone::convert(path, made, dense));
    CompressOptions compress{.quantize = convert.quantize, .threads = convert.threads};
    compress.progress = convert.progress;
    ConvertOptions planned = convert;
    const bool joined = place.extension() == ".mlpackage";
    ANEMONE_TRY(planned.weight_plan, make_plan(made, partial, joined, compress, options));
    planned.quantize = spec_text(convert.quantize, options);
    auto report = anemone::convert(path, place, planned);
    if (report.ok()) warn_of_uncalibrated(report->weights, options.log);
    return report;
  };
  return keeping(place, options.log, work);
}

}  // namespace anemone::calibrate
