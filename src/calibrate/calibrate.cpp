#include "anemone/calibrate.h"

#include "base/error.h"
#include "calibrate/target_bits.h"
#include "convert/output_folder.h"

namespace anemone::calibrate {
namespace {

namespace fs = std::filesystem;

fs::path partial_of(const fs::path& out) {
  fs::path partial = out.has_filename() ? out : out.parent_path();
  partial += ".partial";
  return partial;
}

/// Rounds the weights of a finished model and says how they are stored.
Result<std::shared_ptr<const compress::WeightPlan>> make_plan(const fs::path& model,
                                                              const fs::path& partial,
                                                              const CompressOptions& compress,
                                                              const Options& options) {
  compress::Spec spec;
  if (options.target_bits > 0) {
    if (!compress.quantize.empty())
      return with_hint(fail(ErrorCode::invalid_argument,
                            "target bits choose what '{}' says already", compress.quantize),
                       "leave one of them out");
  } else {
    ANEMONE_TRY(spec, compress::Spec::parse(compress.quantize));
    if (spec.is_dense())
      return fail(ErrorCode::invalid_argument, "'{}' compresses nothing", compress.quantize);
  }
  ANEMONE_TRY(const auto tuner, Tuner::open(model, partial / "weights", compress.threads, options));
  if (options.target_bits > 0) {
    ANEMONE_TRY(Choices choices,
                choose_schemes(*tuner, options.target_bits, partial, compress, options));
    return std::shared_ptr<const compress::WeightPlan>(std::make_shared<StoredPlan>(
        tuner->store(), std::move(choices), fmt::format("{} bits", options.target_bits)));
  }
  std::vector<Job> jobs;
  for (const TunedWeight& weight : tuner->weights())
    if (const compress::Scheme* scheme = spec.scheme(weight.inputs.weight.part)) {
      ANEMONE_RETURN_IF_ERROR(
          scheme->form(weight.inputs.weight.weight).in(fmt::format("weight '{}'", weight.name())));
      jobs.push_back({&weight, scheme});
    }
  ANEMONE_RETURN_IF_ERROR(tuner->round(jobs));
  return std::shared_ptr<const compress::WeightPlan>(std::make_shared<StoredPlan>(tuner->store()));
}

/// The spec that a plan with a scheme for each weight stands over.
std::string spec_text(const std::string& quantize, const Options& options) {
  return options.target_bits > 0 ? target_schemes().back().text() : quantize;
}

}  // namespace

Result<CompressionReport> compress_model(const fs::path& path, const fs::path& out,
                                         const CompressOptions& compress, const Options& options) {
  ANEMONE_RETURN_IF_ERROR(converter::check_source(out, path));
  ANEMONE_RETURN_IF_ERROR(converter::check_output(out, compress.overwrite));
  const fs::path partial = partial_of(out);
  CompressOptions planned = compress;
  ANEMONE_TRY(planned.weight_plan, make_plan(path, partial, compress, options));
  planned.quantize = spec_text(compress.quantize, options);
  auto report = anemone::compress_model(path, out, planned);
  std::error_code ignored;
  if (report.ok()) fs::remove_all(partial, ignored);
  return report;
}

Result<ConversionReport> convert(const fs::path& path, const fs::path& out,
                                 const ConvertOptions& convert, const Options& options) {
  if (options.target_bits > 0 && convert.layout == "anemll")
    return with_hint(fail(ErrorCode::unsupported,
                          "target bits: layout anemll has one number of bits for each part"),
                     "--quantize and --calibrate work with it");
  ANEMONE_RETURN_IF_ERROR(converter::check_source(out, path));
  ANEMONE_RETURN_IF_ERROR(converter::check_output(out, convert.overwrite));
  const fs::path partial = partial_of(out);
  std::error_code error;
  fs::create_directories(partial, error);
  if (error) return fail(ErrorCode::io, "cannot make {}: {}", partial.string(), error.message());
  ConvertOptions dense = convert;
  dense.quantize.clear();
  dense.overwrite = true;
  const fs::path made = partial / "dense";
  ANEMONE_RETURN_IF_ERROR(anemone::convert(path, made, dense));
  CompressOptions compress{.quantize = convert.quantize, .threads = convert.threads};
  compress.progress = convert.progress;
  ConvertOptions planned = convert;
  ANEMONE_TRY(planned.weight_plan, make_plan(made, partial, compress, options));
  planned.quantize = spec_text(convert.quantize, options);
  auto report = anemone::convert(path, out, planned);
  if (report.ok()) fs::remove_all(partial, error);
  return report;
}

}  // namespace anemone::calibrate
