#include <algorithm>
#include <nlohmann/json.hpp>

#include "anemone/package.h"
#include "base/error.h"
#include "base/final_path.h"
#include "base/json_document.h"
#include "base/staged_folder.h"
#include "compress/compressor.h"
#include "convert/anemll_palettes.h"
#include "convert/finished_model.h"
#include "convert/output_folder.h"

namespace anemone {
namespace converter {
namespace {

namespace fs = std::filesystem;

/// What a model says that is compressed again: what was compressed before stays.
std::string in_turn(const nlohmann::ordered_json& earlier, const std::string& now) {
  if (!earlier.is_string() || earlier == "") return now;
  const auto before = earlier.get<std::string>();
  const auto first = compress::Spec::parse(before);
  const auto second = compress::Spec::parse(now);
  if (!first.ok() || !second.ok()) return fmt::format("{}; {}", before, now);
  std::string text;
  for (size_t i = 0; i < compress::kPartNames.size(); ++i) {
    const auto part = static_cast<compress::Part>(i);
    const compress::Scheme* scheme =
        first->scheme(part) ? first->scheme(part) : second->scheme(part);
    text += fmt::format("{}{}={}", i == 0 ? "" : ",", compress::kPartNames[i],
                        scheme != nullptr ? scheme->text() : "fp16");
  }
  return text;
}

/// Says in a package's settings how its weights are stored, where `convert` says it.
void record_quantize(const std::string& text, std::map<std::string, std::string>& metadata) {
  std::string& settings = metadata[std::string(kSettingsKey)];
  auto record = nlohmann::ordered_json::object();
  if (parse_json_object(settings).ok()) record = nlohmann::ordered_json::parse(settings);
  record["quantize"] = in_turn(record["quantize"], text);
  settings = record.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool is_compressed(const mil::Program& program) {
  return std::ranges::any_of(program.functions, [](const mil::Function& function) {
    return std::ranges::any_of(function.block.operations, [](const mil::Operation& op) {
      return op.type.starts_with("constexpr_");
    });
  });
}

class Compression {
 public:
  Compression(FinishedModel model, const CompressOptions& options)
      : model_(std::move(model)), options_(options) {
    report_.path = model_.out;
    report_.quantize = model_.spec.text();
    if (options_.weight_plan != nullptr && !options_.weight_plan->text().empty())
      report_.quantize = options_.weight_plan->text();
  }

  Result<CompressionReport> run() {
    warn_of_left(model_.out, options_.weight_plan == nullptr, options_.log);
    if (!model_.is_package) {
      ANEMONE_RETURN_IF_ERROR(save_folder());
      warn_of_left_dense();
      warn_of_larger_model();
      return std::move(report_);
    }
    fs::path name = model_.path.filename();
    name.replace_extension(".mlpackage");
    ANEMONE_RETURN_IF_ERROR(save_package(model_.path, model_.out, name.string()));
    for (CompressedWeight& weight : report_.weights)
      weight.package = model_.out.filename().string();
    for (LeftWeight& weight : report_.left) weight.package = model_.out.filename().string();
    warn_of_left_dense();
    warn_of_larger_model();
    return std::move(report_);
  }

 private:
  Status save_package(const fs::path& from, const fs::path& to, const std::string& name) {
    ANEMONE_TRY(package::Package opened, package::open(from));
    was_compressed_ |= is_compressed(opened.program);
    compress::Compressor compressor(model_.spec, options_.threads, options_.weight_plan.get());
    ANEMONE_RETURN_IF_ERROR(compressor.rewrite(opened.program, name).in(from.string()));
    report_.left.insert(report_.left.end(), compressor.left().begin(), compressor.left().end());
    if (to == model_.out && compressor.report().empty()) return nothing_to_compress();
    if (compressor.told_by_name() > 0 && options_.log)
      options_.log(LogLevel::warning,
                   fmt::format("{}: its programs have no attention that tells ffn, attn and head "
                               "apart; {} weights are taken by their names, such as '{}'",
                               name, compressor.told_by_name(), compressor.first_told_by_name()));
    if (const std::string split = compressor.split_tables(); !split.empty() && options_.log)
      options_.log(LogLevel::info, fmt::format("{}: {}", name, split));
    warn_of_larger(name, compressor.report());
    record_quantize(report_.quantize, opened.metadata);
    record_palette(compressor.report(), opened.metadata);
    package::WriteOptions write;
    write.weights = compressor.stream({});
    write.overwrite = options_.overwrite;
    write.hashed = [&](std::string_view file, std::string_view digest) {
      hashes_.emplace(fmt::format("{}/{}", name, file), digest);
    };
    uint64_t last = 0;
    write.progress = [&](const package::WriteProgress& now) -> Status {
      last = now.weight_bytes_total;
      const Progress progress{"save", now.weight_bytes_done, now.weight_bytes_total, "bytes",
                              compressor.name_of(now.next)};
      if (!options_.progress || options_.progress(progress)) return {};
      return fail(ErrorCode::interrupted, "interrupted; nothing was written");
    };
    report_.dense_bytes += opened.weight_file_bytes;
    if (Status written = package::write(to, opened, write); !written.ok())
      return with_own_names(std::move(written).error());
    report_.bytes += last;
    for (CompressedWeight& weight : compressor.report())
      report_.weights.push_back(std::move(weight));
    return {};
  }

  void warn_of_left_dense() const {
    if (const std::string text = compress::left_dense_text(report_.left);
        !text.empty() && options_.log)
      options_.log(LogLevel::warning, text);
  }

  /// Without references that only the compressor knows; an interruption says nothing of packages.
  static Error with_own_names(Error error) {
    if (error.code == ErrorCode::interrupted) error.context.clear();
    for (std::string& frame : error.context) {
      const size_t quoted = frame.find('\'') + 1;
      const std::string_view path = std::string_view(frame).substr(quoted);
      frame = frame.substr(0, quoted) + std::string(compress::Compressor::original_path(path));
    }
    return error;
  }

  /// Two tables where one was, or tables that outweigh what they save.
  void warn_of_larger_model() const {
    constexpr double kMegabyte = 1e6;
    if (report_.bytes <= report_.dense_bytes || !options_.log) return;
    options_.log(LogLevel::warning,
                 fmt::format("{} became larger: {:.1f} MB of weights, before {:.1f} MB",
                             model_.out.string(), static_cast<double>(report_.bytes) / kMegabyte,
                             static_cast<double>(report_.dense_bytes) / kMegabyte));
  }

  /// A table or a scale for too few elements takes more than it saves.
  void warn_of_larger(const std::string& package,
                      const std::vector<CompressedWeight>& weights) const {
    const auto is_larger = [](const CompressedWeight& weight) {
      return weight.bytes > weight.dense_bytes;
    };
    const auto first = std::ranges::find_if(weights, is_larger);
    if (first == weights.end() || !options_.log) return;
    options_.log(LogLevel::warning,
                 fmt::format("{}: weights become larger, {} of {}, such as '{}' as {}: {} bytes, "
                             "before {}",
                             package, std::ranges::count_if(weights, is_larger), weights.size(),
                             first->name, first->scheme, first->bytes, first->dense_bytes));
  }

  Error nothing_to_compress() const {
    if (was_compressed_)
      return with_hint(fail(ErrorCode::mismatch, "{} is compressed already", model_.path.string()),
                       "what is compressed stays; compress the model that it was made from");
    Error error = fail(ErrorCode::mismatch, "{}: no weight of {} to compress", model_.path.string(),
                       model_.spec.text());
    error.hint = compress::left_text(report_.left);
    if (model_.spec.scheme(compress::Part::embed) != nullptr)
      error.hint += fmt::format("{}one constant that is embedding and head counts as head",
                                error.hint.empty() ? "" : "; ");
    return error;
  }

  Status save_folder() {
    ANEMONE_RETURN_IF_ERROR(change_metas());
    ANEMONE_TRY(StagedFolder staged, StagedFolder::create(model_.out));
    if (Status filled = fill(staged.path()); !filled.ok())
      return with_final_path(std::move(filled).error(), staged.path(), model_.out);
    return commit_output(staged, options_.overwrite);
  }

  Status fill(const fs::path& folder) {
    for (const fs::path& relative : model_.packages) {
      fs::path name = relative;
      name.replace_extension(".mlpackage");
      std::error_code error;
      fs::create_directories((folder / name).parent_path(), error);
      ANEMONE_RETURN_IF_ERROR(
          save_package(model_.path / relative, folder / name, name.generic_string()));
    }
    if (report_.weights.empty()) return nothing_to_compress();
    for (const fs::path& file : model_.files) {
      if (file == kManifest) continue;
      std::error_code error;
      fs::create_directories((folder / file).parent_path(), error);
      if (const auto meta = metas_.find(file); meta != metas_.end()) {
        ANEMONE_RETURN_IF_ERROR(write_text(folder / file, meta->second));
        continue;
      }
      fs::copy_file(model_.path / file, folder / file, error);
      if (error)
        return fail(ErrorCode::io, "cannot copy {}: {}", (model_.path / file).string(),
                    error.message());
    }
    return write_manifest(folder);
  }

  /// Each meta.yaml which says that there are no palettes, and now there are: it is to say which.
  /// Made of the programs alone, before any weight is compressed; one that cannot be changed stays,
  /// and a warning says what is to be written there.
  Status change_metas() {
    for (const fs::path& file : model_.files) {
      if (file.filename() != "meta.yaml") continue;
      ANEMONE_TRY(const std::string text, read_text(model_.path / file));
      if (!is_of_anemll(model_, file, text)) continue;
      const auto directory = package::open_anemll((model_.path / file).parent_path());
      if (!directory.ok()) return directory.error();
      ANEMONE_TRY(const auto weights, weights_beside(file));
      auto changed = meta_with_palettes(*directory, text, weights);
      if (!changed.ok()) warn_of_meta(file, changed.error());
      if (changed.ok() && *changed) metas_[file] = **std::move(changed);
    }
    return {};
  }

  void warn_of_meta(const fs::path& file, const Error& error) const {
    if (options_.log)
      options_.log(LogLevel::warning, fmt::format("{} stays as it is and says nothing of the new "
                                                  "palettes: {}",
                                                  file.string(), error.to_string()));
  }

  /// Weights of the packages in the folder of `file` that are to be compressed.
  Result<std::vector<CompressedWeight>> weights_beside(const fs::path& file) const {
    compress::Compressor compressor(model_.spec, options_.threads, options_.weight_plan.get());
    for (const fs::path& relative : model_.packages) {
      if (relative.parent_path() != file.parent_path()) continue;
      fs::path name = relative;
      name.replace_extension(".mlpackage");
      ANEMONE_TRY(package::Package opened, package::open(model_.path / relative));
      ANEMONE_RETURN_IF_ERROR(compressor.rewrite(opened.program, name.generic_string())
                                  .in((model_.path / relative).string()));
    }
    return compressor.report();
  }

  /// That of the folder with the new hashes, where it has one.
  Status write_manifest(const fs::path& folder) {
    std::error_code error;
    if (!fs::exists(model_.path / kManifest, error)) return {};
    ANEMONE_TRY(const std::string text, read_text(model_.path / kManifest));
    ANEMONE_RETURN_IF_ERROR(parse_json_object(text).in((model_.path / kManifest).string()));
    auto manifest = nlohmann::ordered_json::object();
    const auto before = nlohmann::ordered_json::parse(text);
    const std::string quantize =
        in_turn(before.value("quantize", nlohmann::ordered_json()), report_.quantize);
    for (const auto& [key, value] : before.items()) {
      if (key != "quantize") manifest[key] = value;
      if (key == "residual_scale") manifest["quantize"] = quantize;  // convert's order
    }
    manifest["quantize"] = quantize;
    ANEMONE_TRY(manifest["files"], hash_files(folder, hashes_));
    return write_text(
        folder / kManifest,
        manifest.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  }

  FinishedModel model_;
  const CompressOptions& options_;
  CompressionReport report_;
  std::map<std::string, std::string> hashes_;  ///< of the files that are written, by name.
  std::map<fs::path, std::string> metas_;      ///< each changed meta.yaml, by name.
  bool was_compressed_ = false;
};

}  // namespace

}  // namespace converter

Result<CompressionReport> compress_model(const std::filesystem::path& path,
                                         const std::filesystem::path& out,
                                         const CompressOptions& options) {
  ANEMONE_TRY(auto model, converter::check_compression(path, out, options));
  return converter::Compression(std::move(model), options).run();
}

}  // namespace anemone
