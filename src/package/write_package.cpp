#include <algorithm>

#include "anemone/package.h"
#include "base/error.h"
#include "base/final_path.h"
#include "base/free_space.h"
#include "base/output_file.h"
#include "base/staged_folder.h"
#include "package/agreement.h"
#include "package/replaceable.h"
#include "package/write_manifest.h"
#include "package/write_model.h"
#include "package/write_weights.h"

namespace anemone::package {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDataFolder = "Data/com.apple.CoreML";

/// What is known of the files before any weight is fetched.
struct Outline {
  int64_t version = 0;
  WeightPlan plan;
  std::string model;
  std::string manifest;
  uint64_t size_bytes() const {
    constexpr uint64_t kFolders = 64 << 10;  // folders and the ends of blocks
    return plan.file_bytes() + model.size() + manifest.size() + kFolders;
  }
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

Result<int64_t> checked_version(const Package& package) {
  const int64_t least = specification_version(package.program);
  const int64_t declared = package.specification_version;
  if (declared == 0) return least;
  if (declared < least)
    return fail(ErrorCode::mismatch, "specification version {}, the program needs {}", declared,
                least);
  return declared;
}

Result<Outline> outline(const Package& package) {
  const mil::Diagnostics faults = check_agreement(package);
  if (!faults.empty()) {
    std::string all;
    for (const mil::Diagnostic& fault : faults)
      all += (all.empty() ? "" : "; ") + fault.to_string();
    return fail(ErrorCode::mismatch, "description and program disagree: {}", all);
  }
  ANEMONE_TRY(const int64_t version, checked_version(package));
  ANEMONE_TRY(WeightPlan plan, WeightPlan::make(package.program, version));
  ANEMONE_TRY(std::string model, write_model(package, package.metadata, version, plan));
  std::string manifest = write_manifest(model);
  return Outline{version, std::move(plan), std::move(model), std::move(manifest)};
}

/// The files with what is known once the weights are written.
Status add_metadata(const Package& package, const WriteOptions& options, Outline& files) {
  if (!options.late_metadata) return {};
  auto metadata = package.metadata;
  ANEMONE_TRY(const auto late, options.late_metadata());
  for (const auto& [key, value] : late) metadata[key] = value;
  ANEMONE_TRY(files.model, write_model(package, metadata, files.version, files.plan));
  files.manifest = write_manifest(files.model);
  return {};
}

/// Whether `path` may be written. Only a package is ever replaced.
Status check_target(const fs::path& path, bool overwrite) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (!fs::exists(status)) return {};
  if (!overwrite)
    return with_hint(fail(ErrorCode::invalid_argument, "{} exists", path.string()),
                     "remove it, or ask for it to be overwritten");
  return check_replaceable(path);
}

class PackageWriter {
 public:
  PackageWriter(const Package& package, const WriteOptions& options, Outline files)
      : package_(package), options_(options), files_(std::move(files)) {}

  Status write(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder / kDataFolder / "weights", error);
    if (error)
      return fail(ErrorCode::io, "{}: cannot create: {}", folder.string(), error.message());
    ANEMONE_RETURN_IF_ERROR(
        write_file(folder, fmt::format("{}/weights/weight.bin", kDataFolder),
                   [&](OutputFile& file) { return write_weights(files_.plan, options_, file); }));
    ANEMONE_RETURN_IF_ERROR(add_metadata(package_, options_, files_));
    ANEMONE_RETURN_IF_ERROR(
        write_file(folder, fmt::format("{}/model.mlmodel", kDataFolder),
                   [&](OutputFile& file) { return file.write(bytes_of(files_.model)); }));
    return write_file(folder, "Manifest.json",
                      [&](OutputFile& file) { return file.write(bytes_of(files_.manifest)); });
  }

 private:
  template <typename Fill>
  Status write_file(const fs::path& folder, const std::string& name, Fill&& fill) {
    const auto hashing = options_.hashed ? OutputFile::Hashing::blake3 : OutputFile::Hashing::none;
    ANEMONE_TRY(OutputFile file, OutputFile::create(folder / name, hashing));
    ANEMONE_RETURN_IF_ERROR(fill(file));
    ANEMONE_RETURN_IF_ERROR(file.close());
    if (options_.hashed) options_.hashed(name, file.digest());
    return {};
  }

  const Package& package_;
  const WriteOptions& options_;
  Outline files_;
};

}  // namespace

WeightStream whole_tensors(std::function<Result<Tensor>(const mil::BlobReference&)> fetch) {
  return [fetch = std::move(fetch)](const mil::BlobReference& reference, const mil::TensorType&,
                                    const WeightSink& add) -> Status {
    ANEMONE_TRY(const Tensor tensor, fetch(reference));
    return add(tensor);
  };
}

Result<PackageSize> measure(const Package& package) {
  ANEMONE_TRY(const Outline files, outline(package));
  return PackageSize{files.model.size(), files.plan.file_bytes(), files.plan.blobs().size()};
}

Status write(const fs::path& path, const Package& package, const WriteOptions& options) {
  ANEMONE_RETURN_IF_ERROR(check_target(path, options.overwrite));
  auto files = outline(package);
  if (!files.ok()) return std::move(files).in(path.string()).error();
  ANEMONE_TRY(StagedFolder staged, StagedFolder::create(path));
  const uint64_t needed = files->size_bytes();
  Status status = check_space(staged.path(), needed);
  if (status.ok())
    status = PackageWriter(package, options, std::move(files).value()).write(staged.path());
  if (!status.ok()) {
    Error error = with_final_path(std::move(status).in(path.string()).error(), staged.path(), path);
    if (error.code == ErrorCode::io && error.hint.empty())
      error.hint = fmt::format("the package needs {} bytes", needed);
    return error;
  }
  return options.overwrite ? staged.commit_over(check_replaceable) : staged.commit();
}

}  // namespace anemone::package
