#include <algorithm>
#include <nlohmann/json.hpp>

#include "anemone/convert.h"
#include "base/error.h"
#include "base/json_document.h"
#include "base/staged_folder.h"
#include "compress/compressor.h"
#include "convert/output_folder.h"

namespace anemone {
namespace converter {
namespace {

namespace fs = std::filesystem;

struct Found {
  std::vector<fs::path> packages;  ///< below the folder, sorted.
  std::vector<fs::path> files;     ///< outside of packages.
};

Result<Found> list(const fs::path& folder) {
  Found found;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->is_directory(error) && package::form_of(entry->path())) {
      found.packages.push_back(entry->path().lexically_relative(folder));
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file(error)) {
      found.files.push_back(entry->path().lexically_relative(folder));
    }
  }
  if (error) return fail(ErrorCode::io, "cannot list {}: {}", folder.string(), error.message());
  std::ranges::sort(found.packages);
  std::ranges::sort(found.files);
  return found;
}

/// Says in a package's settings how its weights are stored, where `convert` says it.
void record_quantize(const std::string& text, std::map<std::string, std::string>& metadata) {
  std::string& settings = metadata[std::string(kSettingsKey)];
  auto record = nlohmann::ordered_json::object();
  if (parse_json_object(settings).ok()) record = nlohmann::ordered_json::parse(settings);
  record["quantize"] = text;
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
  Compression(const fs::path& path, const fs::path& out, const CompressOptions& options)
      : path_(path.has_filename() ? path : path.parent_path()), out_(out), options_(options) {}

  Result<CompressionReport> run() {
    ANEMONE_TRY(out_, output_place(out_));
    ANEMONE_TRY(spec_, compress::Spec::parse(options_.quantize));
    if (spec_.is_dense())
      return with_hint(
          fail(ErrorCode::invalid_argument, "'{}' compresses nothing", options_.quantize),
          "the nearest is int8");
    std::error_code error;
    if (!fs::exists(path_, error)) return fail(ErrorCode::not_found, "no {}", path_.string());
    ANEMONE_RETURN_IF_ERROR(check_source(out_, path_));
    ANEMONE_RETURN_IF_ERROR(check_output(out_, options_.overwrite));
    warn_of_left(out_, options_.weight_plan == nullptr, options_.log);
    report_.path = out_;
    report_.quantize = spec_.text();
    if (options_.weight_plan != nullptr && !options_.weight_plan->text().empty())
      report_.quantize = options_.weight_plan->text();
    const bool is_package = package::form_of(path_).has_value();
    if (is_package != (out_.extension() == ".mlpackage"))
      return fail(ErrorCode::invalid_argument, "{} is {}, {} is not", path_.string(),
                  is_package ? "a package" : "a folder", out_.filename().string());
    ANEMONE_RETURN_IF_ERROR(is_package ? save_package(path_, out_, out_.filename().string())
                                       : save_folder());
    return std::move(report_);
  }

 private:
  Status save_package(const fs::path& from, const fs::path& to, const std::string& name) {
    ANEMONE_TRY(package::Package opened, package::open(from));
    was_compressed_ |= is_compressed(opened.program);
    compress::Compressor compressor(spec_, options_.threads, options_.weight_plan.get());
    ANEMONE_RETURN_IF_ERROR(compressor.rewrite(opened.program, name).in(from.string()));
    if (to == out_ && compressor.report().empty()) return nothing_to_compress();
    record_quantize(report_.quantize, opened.metadata);
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
    ANEMONE_RETURN_IF_ERROR(package::write(to, opened, write));
    report_.bytes += last;
    for (CompressedWeight& weight : compressor.report())
      report_.weights.push_back(std::move(weight));
    return {};
  }

  Error nothing_to_compress() const {
    if (was_compressed_)
      return with_hint(fail(ErrorCode::mismatch, "{} is compressed already", path_.string()),
                       "what is compressed stays; compress the model that it was made from");
    return fail(ErrorCode::mismatch, "{}: no weight of {} to compress", path_.string(),
                spec_.text());
  }

  Status save_folder() {
    ANEMONE_TRY(const Found found, list(path_));
    if (found.packages.empty())
      return with_hint(
          fail(ErrorCode::invalid_argument, "there is no package in {}", path_.string()),
          "`anemone convert --quantize` compresses a checkpoint");
    for (const auto* list : {&found.packages, &found.files})
      for (const fs::path& relative : *list)
        ANEMONE_RETURN_IF_ERROR(check_source(out_, path_ / relative));
    ANEMONE_TRY(StagedFolder staged, StagedFolder::create(out_));
    for (const fs::path& relative : found.packages) {
      fs::path name = relative;
      name.replace_extension(".mlpackage");
      std::error_code error;
      fs::create_directories((staged.path() / name).parent_path(), error);
      ANEMONE_RETURN_IF_ERROR(
          save_package(path_ / relative, staged.path() / name, name.generic_string()));
    }
    if (report_.weights.empty()) return nothing_to_compress();
    for (const fs::path& file : found.files) {
      if (file == kManifest) continue;
      std::error_code error;
      fs::create_directories((staged.path() / file).parent_path(), error);
      fs::copy_file(path_ / file, staged.path() / file, error);
      if (error)
        return fail(ErrorCode::io, "cannot copy {}: {}", (path_ / file).string(), error.message());
    }
    ANEMONE_RETURN_IF_ERROR(write_manifest(staged.path()));
    return commit_output(staged, options_.overwrite);
  }

  /// That of the folder with the new hashes, where it has one.
  Status write_manifest(const fs::path& folder) {
    std::error_code error;
    if (!fs::exists(path_ / kManifest, error)) return {};
    ANEMONE_TRY(const std::string text, read_text(path_ / kManifest));
    ANEMONE_RETURN_IF_ERROR(parse_json_object(text).in((path_ / kManifest).string()));
    auto manifest = nlohmann::ordered_json::object();
    const auto before = nlohmann::ordered_json::parse(text);
    for (const auto& [key, value] : before.items()) {
      if (key != "quantize") manifest[key] = value;
      if (key == "residual_scale") manifest["quantize"] = report_.quantize;  // convert's order
    }
    manifest["quantize"] = report_.quantize;
    ANEMONE_TRY(manifest["files"], hash_files(folder, hashes_));
    return write_text(
        folder / kManifest,
        manifest.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  }

  fs::path path_;
  fs::path out_;
  const CompressOptions& options_;
  compress::Spec spec_;
  CompressionReport report_;
  std::map<std::string, std::string> hashes_;  ///< of the files that are written, by name.
  bool was_compressed_ = false;
};

}  // namespace
}  // namespace converter

Result<CompressionReport> compress_model(const std::filesystem::path& path,
                                         const std::filesystem::path& out,
                                         const CompressOptions& options) {
  return converter::Compression(path, out, options).run();
}

}  // namespace anemone
