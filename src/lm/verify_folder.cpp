#include "anemone/verify_folder.h"

#include <algorithm>
#include <set>

#include "base/blake3.h"
#include "base/error.h"
#include "base/json_document.h"
#include "base/path_inside.h"
#include "lm/anemone_manifest.h"
#include "lm/forms.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;

Status check_file(const fs::path& folder, const std::string& name, const std::string& expected) {
  auto path = path_inside(folder, name);
  if (!path.ok() && path.error().code == ErrorCode::not_found)
    return fail(ErrorCode::not_found, "{}: no such file, {} lists it", name, kAnemoneManifest);
  if (!path.ok()) return std::move(path).error();
  Blake3 hash;
  ANEMONE_RETURN_IF_ERROR(hash.update_from(*path));
  const std::string found = hash.finish();
  if (found == expected) return {};
  return fail(ErrorCode::mismatch, "{}: digest is {}, {} expects {}", name, found, kAnemoneManifest,
              expected);
}

std::set<std::string> packages_of(const AnemoneManifest& manifest) {
  std::set<std::string> packages;
  if (!manifest.model.empty()) packages.insert(manifest.model);
  for (const auto& [pass, stages] : manifest.passes)
    for (const AnemoneManifest::Stage& stage : stages) packages.insert(stage.package);
  return packages;
}

/// A package none of whose files has a digest is held against nothing.
Status check_listed(const AnemoneManifest& manifest, const std::string& package) {
  const bool is_listed = std::ranges::any_of(
      manifest.files, [&](const auto& file) { return file.first.starts_with(package + "/"); });
  if (is_listed) return {};
  return fail(ErrorCode::corrupt, "{}: {} lists none of its files", package, kAnemoneManifest);
}

/// The config.json beside the packages is that of the source model.
Status check_architecture(const fs::path& folder, const AnemoneManifest& manifest) {
  std::error_code ignored;
  const fs::path path = folder / "config.json";
  if (manifest.architecture.empty() || !fs::exists(path, ignored)) return {};
  ANEMONE_TRY(const Json config, read_json_object(path));
  const auto found = config.find("model_type");
  if (found == config.end() || *found == manifest.architecture) return {};
  return fail(ErrorCode::mismatch, "{}: architecture is {}, model_type in config.json is {}",
              kAnemoneManifest, manifest.architecture, found->dump());
}

}  // namespace

std::vector<Error> verify_folder(const fs::path& path) {
  std::vector<Error> faults;
  if (!is_anemone(path)) return faults;
  const auto manifest = read_anemone_manifest(path);
  if (!manifest.ok()) return {manifest.error()};
  const auto note = [&](Status status) {
    if (!status.ok()) faults.push_back(std::move(status).error());
  };
  for (const std::string& package : packages_of(*manifest)) note(check_listed(*manifest, package));
  for (const auto& [name, expected] : manifest->files) note(check_file(path, name, expected));
  note(check_architecture(path, *manifest));
  return faults;
}

}  // namespace anemone::lm
