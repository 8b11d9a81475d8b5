#include "package/replaceable.h"

#include "base/error.h"
#include "package/manifest.h"

namespace anemone::package {

namespace fs = std::filesystem;

Status check_replaceable(const fs::path& path) {
  const auto refused = [&](std::string_view why) {
    return with_hint(
        fail(ErrorCode::invalid_argument, "{} exists and is no .mlpackage: {}", path.string(), why),
        "it is not replaced; remove it, or give another name");
  };
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(path, error))) return refused("not a folder");
  bool has_manifest = false;
  for (auto entry = fs::directory_iterator(path, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == "Manifest.json")
      has_manifest = true;
    else if (name != "Data" && !name.starts_with('.'))
      return refused(fmt::format("'{}' is no part of one", name));
  }
  if (error) return refused(error.message());
  if (!has_manifest) return refused("there is no Manifest.json in it");
  if (const auto model = root_model_path(path); !model.ok())
    return refused(fmt::format("Manifest.json: {}", model.error().message));
  return {};
}

}  // namespace anemone::package
