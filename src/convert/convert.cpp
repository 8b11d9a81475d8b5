#include "anemone/convert.h"

#include <algorithm>

#include "anemone/version.h"
#include "base/error.h"
#include "base/final_path.h"
#include "base/free_space.h"
#include "base/staged_folder.h"
#include "compress/compressor.h"
#include "convert/companions.h"
#include "convert/layouts.h"
#include "convert/output_folder.h"
#include "convert/residual_scale.h"
#include "convert/settings.h"
#include "convert/source_hash.h"
#include "convert/speed.h"
#include "models/architectures.h"

namespace anemone {
namespace converter {
namespace {

namespace fs = std::filesystem;

/// A package, or a folder of packages that are one model.
bool is_converted(const fs::path& path) {
  std::error_code error;
  return package::form_of(path) || fs::exists(path / kManifest, error) ||
         fs::exists(path / "meta.yaml", error);
}

Result<Source> load(const fs::path& path, const ConvertOptions& options) {
  Source source;
  std::optional<fs::path> adapter;
  if (!options.adapter.empty()) adapter = options.adapter;
  auto found = checkpoint::open(path, adapter);
  if (!found.ok() && found.error().code == ErrorCode::not_found && is_converted(path))
    return with_hint(fail(ErrorCode::invalid_argument, "{} is converted already", path.string()),
                     "`anemone compress` compresses its weights; for all else convert the "
                     "checkpoint again");
  ANEMONE_TRY(source.checkpoint, std::move(found));
  const checkpoint::Checkpoint& opened = source.checkpoint;
  ANEMONE_TRY(source.decoder,
              models::read_decoder(opened.config_json, *opened.weights).in(opened.path.string()));
  ANEMONE_RETURN_IF_ERROR(
      models::check_weights(source.decoder, *opened.weights).in(opened.path.string()));
  ANEMONE_RETURN_IF_ERROR(
      models::check_tied_head(source.decoder, *opened.weights).in(opened.path.string()));
  source.hash = SourceHash::unknown();
  return source;
}

class Conversion {
 public:
  Conversion(const fs::path& out, const ConvertOptions& options) : options_(options) {
    report_.path = out;
    report_.layout = options.layout;
    report_.dtype = options.dtype;
  }

  Result<ConversionReport> run(const fs::path& path) {
    ANEMONE_TRY(report_.path, output_place(report_.path));
    ANEMONE_TRY(const Layout* layout, find_layout(options_.layout));
    ANEMONE_RETURN_IF_ERROR(check_options(*layout, options_));
    if (!options_.dry_run) {
      ANEMONE_RETURN_IF_ERROR(check_source(report_.path, path));
      if (!options_.adapter.empty())
        ANEMONE_RETURN_IF_ERROR(check_source(report_.path, options_.adapter));
      ANEMONE_RETURN_IF_ERROR(check_output(report_.path, options_.overwrite));
      warn_of_left(report_.path, options_.weight_plan == nullptr, options_.log);
    }
    say("load: {}", path.string());
    ANEMONE_TRY(source_, load(path, options_));
    if (!options_.dry_run)
      for (const fs::path& file : source_.checkpoint.files)
        ANEMONE_RETURN_IF_ERROR(check_source(report_.path, file));
    if (!options_.dry_run) hash_ = std::make_unique<SourceHash>(source_.checkpoint);
    report_.architecture = source_.decoder.architecture;
    ANEMONE_TRY(settings_, settings_for(*layout, options_, source_.decoder, report_.path));
    settings_.residual_scale = options_.residual_scale.value_or(1);
    report_.context = settings_.context;
    if (!settings_.quantize.is_dense()) report_.quantize = settings_.quantize.text();
    if (options_.weight_plan != nullptr && !options_.weight_plan->text().empty())
      report_.quantize = options_.weight_plan->text();
    settings_.quantize_text = report_.quantize;
    say("build: {}, {} layers, context {}, layout {}", report_.architecture,
        source_.decoder.layers.size(), settings_.context, options_.layout);
    ANEMONE_RETURN_IF_ERROR(plan_packages(*layout));
    if (!settings_.is_package) {
      ANEMONE_TRY(companions_, find_companions(source_.checkpoint, plan_.copies_config));
    }
    if (!options_.dry_run) ANEMONE_RETURN_IF_ERROR(check_room());
    ANEMONE_RETURN_IF_ERROR(choose_residual_scale());
    if (settings_.residual_scale != options_.residual_scale.value_or(1))
      ANEMONE_RETURN_IF_ERROR(plan_packages(*layout));
    warn_of_limits();
    say("convert: {} to {}, {} package{}, {} bytes", to_string(report_.dtype),
        report_.path.string(), report_.packages.size(), report_.packages.size() == 1 ? "" : "s",
        report_.total_bytes);
    report_.weights = compressor_->report();
    report_.left = compressor_->left();
    if (const std::string left = compress::left_dense_text(report_.left); !left.empty()) warn(left);
    if (options_.dry_run) return std::move(report_);
    say("save: {}", report_.path.string());
    ANEMONE_RETURN_IF_ERROR(settings_.is_package ? save_package(report_.path, plan_.packages[0])
                                                 : save_folder());
    report_.written = true;
    report_.weights = compressor_->report();
    say("complete: {}", report_.path.string());
    return std::move(report_);
  }

  /// What was planned: after a run.
  BuiltModel take_model() && {
    BuiltModel model{.layers = static_cast<int64_t>(source_.decoder.layers.size())};
    for (PlannedPackage& planned : plan_.packages)
      model.packages.emplace_back(std::move(planned.name), std::move(planned.package));
    return model;
  }

 private:
  template <typename... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) const {
    if (options_.log)
      options_.log(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
  }

  void warn(const std::string& message) const {
    if (options_.log) options_.log(LogLevel::warning, message);
  }

  Status report_progress(const Progress& progress) const {
    if (!options_.progress || options_.progress(progress)) return {};
    return fail(ErrorCode::interrupted, "interrupted; nothing was written");
  }

  void warn_of_limits() const {
    if (settings_.is_package)
      warn(
          fmt::format("{} holds the program alone: tokenizer, chat template, generation config and "
                      "anemone.json need a folder",
                      report_.path.filename().string()));
    else if (std::ranges::count(companions_, "tokenizer.json", &Companion::name) == 0)
      warn(fmt::format("{} has no tokenizer.json: {} takes tokens, but no text",
                       source_.checkpoint.path.string(), report_.path.string()));
    if (settings_.any_length)
      warn(fmt::format(
          "lengths {0} to {1} are a range: Core ML was measured to run other lengths than the "
          "default, {1}, beside the Neural Engine (coremltools issue 2370); --lengths {0},{1} "
          "gives fixed ones",
          settings_.lengths.front(), settings_.lengths.back()));
    const auto is_long = [](const models::Rope& rope) { return !rope.long_inv_freq.empty(); };
    const int64_t short_context = source_.decoder.max_positions;
    if (settings_.context > short_context && std::ranges::any_of(source_.decoder.ropes, is_long))
      warn(
          fmt::format("a context of {0} has longrope's long factors built in, for short texts as "
                      "well; transformers takes the short ones for texts of up to {1} tokens, and "
                      "so does a package of --context {1}",
                      settings_.context, short_context));
    // ANEMLL splits such packages: "function_name must be nil unless model type is ML Program".
    constexpr size_t kMostFunctions = 3;
    const auto most = std::ranges::max_element(
        report_.packages, {},
        [](const ConvertedPackage& package) { return package.functions.size(); });
    if (most != report_.packages.end() && most->functions.size() > kMostFunctions)
      warn(fmt::format(
          "{} has {} functions: ANEMLL reports that prefill of packages with more than {} may fail "
          "to load on the Neural Engine",
          most->name, most->functions.size(), kMostFunctions));
  }

  /// Reads no weights.
  Status plan_packages(const Layout& layout) {
    ANEMONE_TRY(plan_, layout.plan(source_, settings_));
    compressor_.emplace(settings_.quantize, options_.threads, options_.weight_plan.get());
    for (PlannedPackage& planned : plan_.packages) {
      ANEMONE_RETURN_IF_ERROR(
          passes::run(planned.package.program, options_.passes).in(planned.name));
      ANEMONE_RETURN_IF_ERROR(compressor_->rewrite(planned.package.program, planned.name));
    }
    if (const std::string split = compressor_->split_tables(); !split.empty()) say("{}", split);
    if (plan_.bytes_per_token > 0) plan_.bytes_per_token -= compressor_->saved_bytes(false);
    return measure();
  }

  Status choose_residual_scale() {
    if (!options_.residual_scale && settings_.dtype == DType::fp16) {
      const auto progress = [&](std::string_view tensor, uint64_t done, uint64_t total) -> Status {
        return report_progress({"scan", done, total, "tensors", tensor});
      };
      ANEMONE_TRY(const double peak,
                  residual_peak(source_, progress).in(source_.checkpoint.path.string()));
      const double scale = scale_below_overflow(peak);
      if (scale < 1 && !models::layer_without_norms(source_.decoder)) {
        settings_.residual_scale = scale;
        say("residual stream: up to about {:.0f}, kept times {} inside", peak, scale);
      } else if (scale < 1) {
        warn(
            fmt::format("the residual stream may reach {:.0f}, more than the sums of the Neural "
                        "Engine hold, and {} cannot be rescaled; fp32 is safe",
                        peak, report_.architecture));
      }
    }
    report_.residual_scale = settings_.residual_scale;
    return {};
  }

  Status measure() {
    report_.packages.clear();
    report_.total_bytes = 0;
    for (const PlannedPackage& planned : plan_.packages) {
      auto size = package::measure(planned.package);
      if (!size.ok()) return std::move(size).in(planned.name).error();
      ConvertedPackage converted{
          .name = planned.name.empty() ? report_.path.filename().string() : planned.name,
          .weight_bytes = size->weight_bytes,
          .model_bytes = size->model_bytes};
      for (const auto& function : planned.package.functions)
        converted.functions.push_back(function.name);
      report_.total_bytes += converted.weight_bytes + converted.model_bytes;
      report_.packages.push_back(std::move(converted));
    }
    report_.prefill = plan_.blocks;
    report_.bytes_per_token = plan_.bytes_per_token;
    if (plan_.bytes_per_token > 0) {
      report_.speed = speed_bounds(plan_.bytes_per_token);
      report_.bandwidth_source = kBandwidthSource;
    }
    return {};
  }

  Status check_room() const {
    std::error_code error;
    const fs::path folder = fs::absolute(report_.path, error).parent_path();
    uint64_t needed = report_.total_bytes;
    for (const Companion& companion : companions_) needed += companion.size_bytes;
    return check_space(folder, needed).in(folder.string());
  }

  Status save_package(const fs::path& path, const PlannedPackage& planned) {
    package::WriteOptions write;
    std::optional<Error> failed;  // of reading: which tensor, not which constant it becomes
    write.weights = [&, stream = compressor_->stream(weight_stream(source_, plan_))](
                        const mil::BlobReference& reference, const mil::TensorType& type,
                        const package::WeightSink& add) -> Status {
      bool is_written = true;
      Status status = stream(reference, type, [&](const Tensor& part) {
        Status added = add(part);
        is_written = added.ok();
        return added;
      });
      if (!status.ok() && is_written) failed = status.error();
      return status;
    };
    write.overwrite = options_.overwrite;
    if (!settings_.is_package)
      write.hashed = [&](std::string_view file, std::string_view digest) {
        hashes_.emplace(fmt::format("{}/{}", planned.name, file), digest);
      };
    write.late_metadata = [&]() -> Result<std::map<std::string, std::string>> {
      ANEMONE_TRY(source_.hash, hash_->get());
      return std::map<std::string, std::string>{{std::string(kSourceKey), source_.hash}};
    };
    uint64_t total = 0;
    for (const ConvertedPackage& package : report_.packages) total += package.weight_bytes;
    uint64_t last = 0;
    write.progress = [&](const package::WriteProgress& now) -> Status {
      last = now.weight_bytes_done;
      const auto next = plan_.weights.find(compress::Compressor::original_path(now.next));
      return report_progress({"save", saved_bytes_ + last, total, "bytes",
                              next == plan_.weights.end() ? "" : next->second.ref.name});
    };
    Status written = package::write(path, planned.package, write);
    saved_bytes_ += last;
    if (written.ok() || !failed) return written;
    Error error = std::move(written).error();
    error.context = std::move(failed->context);
    error.context.push_back(source_.checkpoint.path.string());
    if (error.code == ErrorCode::out_of_range && settings_.dtype == DType::fp16)
      error.hint = "fp16 holds magnitudes up to 65504: --dtype fp32";
    return error;
  }

  Status save_folder() {
    ANEMONE_TRY(StagedFolder staged, StagedFolder::create(report_.path));
    if (Status filled = fill(staged.path()); !filled.ok())
      return with_final_path(std::move(filled).error(), staged.path(), report_.path);
    return commit_output(staged, options_.overwrite);
  }

  Status fill(const fs::path& folder) {
    for (const PlannedPackage& planned : plan_.packages)
      ANEMONE_RETURN_IF_ERROR(save_package(folder / planned.name, planned));
    ANEMONE_RETURN_IF_ERROR(copy_companions(companions_, folder));
    for (const auto& [name, contents] : plan_.texts)
      ANEMONE_RETURN_IF_ERROR(write_text(folder / name, contents));
    ANEMONE_TRY(const std::string manifest, manifest_of(folder));
    return write_text(folder / kManifest, manifest);
  }

  Result<std::string> manifest_of(const fs::path& folder) const {
    nlohmann::ordered_json manifest = {
        {"format", kFormat},
        {"format_version", 1},
        {"tool", {{"name", "anemone"}, {"version", std::string(version())}}},
        {"layout", options_.layout},
        {"architecture", report_.architecture},
        {"dtype", std::string(to_string(report_.dtype))},
        {"residual_scale", report_.residual_scale}};
    if (!report_.quantize.empty()) manifest["quantize"] = report_.quantize;
    manifest.update(plan_.manifest);
    manifest["source"] = {{"name", source_.checkpoint.path.filename().string()},
                          {"digest", source_.hash}};
    ANEMONE_TRY(manifest["files"], hash_files(folder, hashes_));
    return manifest.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }

  const ConvertOptions& options_;
  ConversionReport report_;
  Source source_;
  Settings settings_;
  Plan plan_;
  std::vector<Companion> companions_;
  std::optional<compress::Compressor> compressor_;
  uint64_t saved_bytes_ = 0;
  std::unique_ptr<SourceHash> hash_;           ///< null in a dry run.
  std::map<std::string, std::string> hashes_;  ///< of the files that are written, by name.
};

}  // namespace
}  // namespace converter

Result<ConversionReport> convert(const std::filesystem::path& path,
                                 const std::filesystem::path& out, const ConvertOptions& options) {
  return converter::Conversion(out, options).run(path);
}

Result<BuiltModel> build_model(const std::filesystem::path& path, const ConvertOptions& options) {
  ConvertOptions planned = options;
  planned.dry_run = true;
  converter::Conversion conversion("model", planned);
  ANEMONE_TRY([[maybe_unused]] const ConversionReport report, conversion.run(path));
  return std::move(conversion).take_model();
}

}  // namespace anemone
