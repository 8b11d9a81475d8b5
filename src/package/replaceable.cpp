#include "package/replaceable.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/json_document.h"
#include "package/manifest.h"

namespace anemone::package {

namespace fs = std::filesystem;

bool is_left_by_finder(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == ".DS_Store" || name.starts_with("._");
}

Status check_replaceable(const fs::path& path) {
  const auto refused = [&](std::string_view why) {
    return with_hint(
        fail(ErrorCode::invalid_argument, "{} exists and is no .mlpackage: {}", path.string(), why),
        "it is not replaced; remove it, or give another name");
  };
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(path, error))) return refused("not a folder");
  std::vector<fs::path> known = {"Manifest.json"};
  const auto text = read_text(path / known[0]);
  if (!text.ok()) return refused("there is no Manifest.json in it");
  const auto add = [&](const std::string& item) -> Status {
    known.push_back(fs::path("Data") / item);
    return {};
  };
  if (const auto items = parse_manifest(*text, add); !items.ok())
    return refused(fmt::format("Manifest.json: {}", items.error().message));
  for (auto entry = fs::recursive_directory_iterator(path, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (fs::is_directory(entry->symlink_status(error)) || is_left_by_finder(entry->path()))
      continue;
    const fs::path name = entry->path().lexically_relative(path);
    const auto holds = [&](const fs::path& item) {
      return std::ranges::mismatch(item, name).in1 == item.end();
    };
    if (std::ranges::none_of(known, holds))
      return refused(fmt::format("'{}' is no part of one", name.string()));
  }
  if (error) return refused(error.message());
  return {};
}

}  // namespace anemone::package
