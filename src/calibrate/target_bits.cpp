#include "calibrate/target_bits.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "calibrate/allocation.h"
#include "convert/partial_folder.h"

namespace anemone::calibrate {
namespace {

namespace fs = std::filesystem;

constexpr size_t kProbe = 1;    ///< the scheme whose effect on the loss is measured: of 3 bits.
constexpr size_t kUntuned = 3;  ///< that of weights of which calibration says nothing: of 6 bits.

Result<double> loss_of(const fs::path& model, const Tuner& tuner, const Options& options) {
  lm::LanguageModel::Options opened;
  opened.runtime = options.runtime;
  opened.hash = false;
  ANEMONE_TRY(const auto loaded, lm::LanguageModel::open(model, opened));
  double sum = 0;
  ANEMONE_RETURN_IF_ERROR(run_windows(*loaded, tuner.windows(), "measure", options.progress, &sum));
  const auto& inputs = tuner.windows().inputs;
  return sum / static_cast<double>(inputs.size() * inputs[0].size());
}

/// What one unit of output error in this part adds to the loss.
Result<double> effect_of(const Tuner& tuner, compress::Part part, double errors, double dense_loss,
                         const fs::path& folder, const CompressOptions& compress,
                         const Options& options) {
  constexpr double kLeast = 1e-6;  ///< nats; a part that seems to do good still counts.
  const std::string name(compress::kPartNames[static_cast<size_t>(part)]);
  const fs::path probe = folder / (std::string(converter::PartialFolder::kProbe) + name +
                                   (package::form_of(tuner.model()) ? ".mlpackage" : ""));
  CompressOptions only = compress;
  only.quantize = fmt::format("{}={}", name, target_schemes()[kProbe].scheme(part)->text());
  only.weight_plan = std::make_shared<StoredPlan>(tuner.store());
  only.overwrite = true;
  ANEMONE_RETURN_IF_ERROR(anemone::compress_model(tuner.model(), probe, only));
  ANEMONE_TRY(const double loss, loss_of(probe, tuner, options));
  std::error_code ignored;
  fs::remove_all(probe, ignored);
  if (options.log)
    options.log(LogLevel::info, fmt::format("{} in {}: loss {:.4f}, before {:.4f}", name,
                                            target_schemes()[kProbe].text(), loss, dense_loss));
  return std::max(loss - dense_loss, kLeast) / errors;
}

}  // namespace

const std::vector<compress::Spec>& target_schemes() {
  static const std::vector<compress::Spec> specs = [] {
    std::vector<compress::Spec> parsed;
    for (const char* text : {"lut2:g16", "lut3:g16", "lut4:g16", "lut6:g16", "int8:channel"}) {
      auto spec = compress::Spec::parse(text);
      ANEMONE_CHECK(spec.ok(), "a list of our own");
      parsed.push_back(*std::move(spec));
    }
    return parsed;
  }();
  return specs;
}

Result<Choices> choose_schemes(Tuner& tuner, double bits, const fs::path& folder,
                               const CompressOptions& compress, const Options& options) {
  std::vector<const TunedWeight*> weights;
  std::vector<Job> jobs;
  for (const TunedWeight& weight : tuner.weights()) {
    const compress::Part part = weight.inputs.weight.part;
    if (part == compress::Part::embed) continue;
    weights.push_back(&weight);
    for (const compress::Spec& spec : target_schemes())
      jobs.push_back({&weight, spec.scheme(part)});
  }
  if (weights.empty())
    return fail(ErrorCode::invalid_argument, "{}: no weight to compress", tuner.model().string());
  ANEMONE_RETURN_IF_ERROR(tuner.round(jobs));

  std::vector<std::vector<Option>> table(weights.size());
  std::map<compress::Part, double> errors;
  int64_t elements = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const compress::FoundWeight& found = weights[i]->inputs.weight;
    elements += found.weight.type.shape.element_count();
    for (size_t s = 0; s < target_schemes().size(); ++s) {
      const compress::Scheme* scheme = target_schemes()[s].scheme(found.part);
      auto form = scheme->form(found.weight);
      if (!form.ok()) return std::move(form).in(fmt::format("weight '{}'", found.name)).error();
      ANEMONE_TRY(const auto known, tuner.result({weights[i], scheme}));
      const bool is_tuned = known && known->output_error;
      if (!is_tuned && s != kUntuned) continue;
      table[i].push_back({form->stored_bytes(), is_tuned ? *known->output_error : 0});
      if (is_tuned && s == kProbe) errors[found.part] += *known->output_error;
    }
  }
  ANEMONE_TRY(const double dense_loss, loss_of(tuner.model(), tuner, options));
  for (const auto& [part, sum] : errors) {
    if (sum <= 0) continue;
    ANEMONE_TRY(const double effect,
                effect_of(tuner, part, sum, dense_loss, folder, compress, options));
    for (size_t i = 0; i < weights.size(); ++i)
      if (weights[i]->inputs.weight.part == part)
        for (Option& option : table[i]) option.loss *= effect;
  }
  constexpr double kBitsOfByte = 8;
  const auto budget = static_cast<uint64_t>(bits * static_cast<double>(elements) / kBitsOfByte);
  const std::vector<size_t> chosen = allocate(table, budget);
  if (chosen.empty()) {
    uint64_t least = 0;
    for (const auto& row : table) least += std::ranges::min(row, {}, &Option::bytes).bytes;
    return fail(ErrorCode::invalid_argument, "{} bits a weight; the least that there is are {:.3f}",
                bits, kBitsOfByte * static_cast<double>(least) / static_cast<double>(elements));
  }
  Choices choices;
  for (size_t i = 0; i < weights.size(); ++i) {
    const size_t scheme = table[i].size() == 1 ? kUntuned : chosen[i];
    for (const std::string& name : weights[i]->inputs.names)
      choices[{weights[i]->package_name, name}] =
          target_schemes()[scheme].scheme(weights[i]->inputs.weight.part);
  }
  return choices;
}

}  // namespace anemone::calibrate
