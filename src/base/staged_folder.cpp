#include "base/staged_folder.h"

#include <random>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

Error refused(const fs::path& path, const char* what, const std::error_code& error) {
  return fail(ErrorCode::io, "{}: cannot {}: {}", path.string(), what, error.message());
}

}  // namespace

Result<StagedFolder> StagedFolder::create(const fs::path& path) {
  const fs::path target = path.has_filename() ? path : path.parent_path();
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(parent, error))
    return fail(ErrorCode::not_found, "{}: there is no folder {}", target.string(),
                parent.string());
  std::random_device random;
  constexpr int kAttempts = 16;  // a clash of 32 random bits is already unlikely
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const fs::path staged =
        parent / fmt::format(".{}.{:08x}.tmp", target.filename().string(), random());
    if (fs::create_directory(staged, error)) return StagedFolder(staged, target);
    if (error) break;
  }
  return refused(target, "create", error);
}

StagedFolder::StagedFolder(StagedFolder&& other) noexcept
    : staged_(std::exchange(other.staged_, {})), target_(std::move(other.target_)) {}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!staged_.empty()) fs::remove_all(staged_, ignored);
}

Status StagedFolder::commit() {
  std::error_code error;
  fs::path replaced;
  if (fs::exists(fs::symlink_status(target_, error))) {
    replaced = staged_;
    replaced += ".replaced";
    fs::rename(target_, replaced, error);
    if (error) return refused(target_, "replace", error);
  }
  fs::rename(staged_, target_, error);
  if (error) {
    std::error_code ignored;
    if (!replaced.empty()) fs::rename(replaced, target_, ignored);
    return refused(target_, "rename", error);
  }
  staged_.clear();
  if (!replaced.empty()) fs::remove_all(replaced, error);
  return {};
}

}  // namespace anemone
