#include "base/staged_folder.h"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

Error refused(const fs::path& path, const char* what, const std::error_code& error) {
  return fail(ErrorCode::io, "{}: cannot {}: {}", path.string(), what, error.message());
}

fs::path named(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

fs::path parent_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

}  // namespace

Result<StagedFolder> StagedFolder::create(const fs::path& path) {
  const fs::path target = named(path);
  const fs::path parent = parent_of(target);
  std::error_code error;
  if (!fs::is_directory(parent, error))
    return fail(ErrorCode::not_found, "{}: there is no folder {}", target.string(),
                parent.string());
  const fs::path real = fs::canonical(parent, error);
  if (error) return refused(target, "find", error);
  std::random_device random;
  constexpr int kAttempts = 16;  // a clash of 32 random bits is already unlikely
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const fs::path staged =
        parent / fmt::format(".{}.{:08x}.tmp", target.filename().string(), random());
    if (fs::create_directory(staged, error)) return StagedFolder(real, staged, target);
    if (error) break;
  }
  return refused(target, "create", error);
}

std::vector<fs::path> StagedFolder::left_beside(const fs::path& path) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr size_t kCount = 8;
  const fs::path target = named(path);
  const std::string before = fmt::format(".{}.", target.filename().string());
  std::vector<fs::path> found;
  std::error_code error;
  for (auto entry = fs::directory_iterator(parent_of(target), error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(before)) continue;
    const std::string_view rest = std::string_view(name).substr(before.size());
    const std::string_view ending = rest.substr(std::min(kCount, rest.size()));
    if (rest.find_first_not_of(kDigits) == kCount &&
        (ending == ".tmp" || ending == ".tmp.replaced"))
      found.push_back(entry->path());
  }
  std::ranges::sort(found);
  return found;
}

StagedFolder::StagedFolder(StagedFolder&& other) noexcept
    : parent_(std::move(other.parent_)),
      staged_(std::exchange(other.staged_, {})),
      target_(std::move(other.target_)) {}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!staged_.empty()) fs::remove_all(parent_ / staged_.filename(), ignored);
}

Status StagedFolder::rename_to_target() const {
  std::error_code error;
  fs::rename(parent_ / staged_.filename(), parent_ / target_.filename(), error);
  if (error == std::errc::file_exists || error == std::errc::directory_not_empty ||
      error == std::errc::not_a_directory)
    return with_hint(fail(ErrorCode::invalid_argument,
                          "{} has appeared meanwhile and is not replaced", target_.string()),
                     "run one conversion to a place at a time");
  if (error) return refused(target_, "rename", error);
  return {};
}

Status StagedFolder::commit() {
  ANEMONE_RETURN_IF_ERROR(rename_to_target());
  staged_.clear();
  return {};
}

Status StagedFolder::commit_over(const MayReplace& may_replace) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(target_, error))) return commit();
  ANEMONE_RETURN_IF_ERROR(may_replace(target_));
  const fs::path target = parent_ / target_.filename();
  fs::path replaced = parent_ / staged_.filename();
  replaced += ".replaced";
  fs::rename(target, replaced, error);
  if (error) return refused(target_, "replace", error);
  if (Status status = commit(); !status.ok()) {
    fs::rename(replaced, target, error);
    if (!error) return status;
    const fs::path made = parent_ / std::exchange(staged_, {}).filename();
    return with_hint(std::move(status).error(),
                     fmt::format("what stood there lies in {}, what was made in {}",
                                 replaced.string(), made.string()));
  }
  fs::remove_all(replaced, error);
  return {};
}

}  // namespace anemone
