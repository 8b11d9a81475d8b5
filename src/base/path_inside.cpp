#include "base/path_inside.h"

#include <algorithm>

#include "base/error.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

bool is_below(const fs::path& path, const fs::path& folder) {
  const auto [folder_rest, path_rest] =
      std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return folder_rest == folder.end() && path_rest != path.end();
}

/// `<repository>/blobs` when `root` is `<repository>/snapshots/<revision>/…`, else empty.
fs::path cache_blobs(const fs::path& root) {
  for (fs::path folder = root; folder.has_relative_path(); folder = folder.parent_path())
    if (folder.filename() == "snapshots") return folder.parent_path() / "blobs";
  return {};
}

}  // namespace

Result<fs::path> path_inside(const fs::path& root, std::string_view name) {
  const fs::path relative(name);
  if (name.empty() || name.find('\0') != std::string_view::npos || relative.is_absolute() ||
      std::ranges::find(relative, fs::path("..")) != relative.end())
    return fail(ErrorCode::corrupt, "path '{}' leads out of {}", name, root.string());

  const fs::path path = root / relative;
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error)
    return fail(ErrorCode::not_found, "{} does not exist: {}", path.string(), error.message());
  const fs::path real_root = fs::canonical(root, error);
  if (error)
    return fail(ErrorCode::not_found, "{} does not exist: {}", root.string(), error.message());
  const fs::path blobs = cache_blobs(real_root);
  if (!is_below(real, real_root) && (blobs.empty() || !is_below(real, blobs)))
    return fail(ErrorCode::corrupt, "{} is a link to {}, outside of {}", path.string(),
                real.string(), root.string());
  return path;
}

}  // namespace anemone
