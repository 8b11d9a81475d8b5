#include "convert/partial_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json_document.h"
#include "base/staged_folder.h"
#include "convert/output_folder.h"

namespace anemone::converter {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "anemone-partial.json";
constexpr std::string_view kMarkFormat = "anemone-partial";

/// Whether a calibration makes something of this name; hidden: what it had not finished.
bool is_known(std::string_view name) {
  if (name.starts_with('.')) {
    name.remove_prefix(1);
    return name.starts_with(std::string(PartialFolder::kDense) + ".") ||
           name.starts_with(PartialFolder::kProbe);
  }
  return name == PartialFolder::kDense || name == PartialFolder::kWeights ||
         name.starts_with(PartialFolder::kProbe);
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    entries.push_back(entry->path());
  return entries;
}

/// Whether the file that is open is the one that stands there, and not one that was removed.
bool is_there(int file, const fs::path& path) {
  struct stat open {};
  struct stat there {};
  return ::fstat(file, &open) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         open.st_dev == there.st_dev && open.st_ino == there.st_ino;
}

Status check_place(const fs::path& partial) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(partial, error))) return {};
  const auto refused = [&](std::string_view why) {
    return with_hint(
        fail(ErrorCode::invalid_argument,
             "{} is where a calibration keeps what it has done, and {}", partial.string(), why),
        "it stays as it is; give the output another name");
  };
  if (!PartialFolder::is_ours(partial)) return refused("no calibration made what is there");
  for (const fs::path& entry : entries_of(partial)) {
    const std::string name = entry.filename().string();
    if (name == kMark) continue;
    if (!is_known(name) || !fs::is_directory(fs::symlink_status(entry, error)))
      return refused(fmt::format("'{}' in it was made by something else", name));
  }
  return {};
}

}  // namespace

fs::path PartialFolder::place_of(const fs::path& out) {
  fs::path place = out;
  place += ".partial";
  return place;
}

bool PartialFolder::is_ours(const fs::path& partial) {
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(partial, error)) ||
      !fs::is_regular_file(fs::symlink_status(partial / kMark, error)))
    return false;
  const auto mark = read_json_object(partial / kMark);
  return mark.ok() && mark->value("format", Json()) == kMarkFormat;
}

Status PartialFolder::check(const fs::path& out) { return check_place(place_of(out)); }

Result<PartialFolder> PartialFolder::open(const fs::path& out) {
  fs::path partial = place_of(out);
  ANEMONE_RETURN_IF_ERROR(check_place(partial));
  const bool was_there = is_ours(partial);
  if (!was_there) {
    ANEMONE_TRY(StagedFolder staged, StagedFolder::create(partial));
    ANEMONE_RETURN_IF_ERROR(
        write_text(staged.path() / kMark, fmt::format("{{\"format\": \"{}\"}}\n", kMarkFormat)));
    ANEMONE_RETURN_IF_ERROR(staged.commit());
  }
  const int lock = ::open((partial / kMark).c_str(), O_RDWR | O_CLOEXEC);
  if (lock < 0)
    return fail(ErrorCode::io, "cannot open {}: {}", (partial / kMark).string(),
                std::strerror(errno));
  PartialFolder folder(std::move(partial), was_there, lock);
  // A file system without locks has none to respect. Whoever had this one may have removed it, and
  // a third may have made another.
  if ((::flock(lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
      is_there(lock, folder.path_ / kMark))
    return folder;
  return with_hint(fail(ErrorCode::invalid_argument, "another calibration is at work in {}",
                        folder.path_.string()),
                   "make one result at a place at a time");
}

PartialFolder::PartialFolder(PartialFolder&& other) noexcept
    : path_(std::move(other.path_)),
      was_there_(other.was_there_),
      lock_(std::exchange(other.lock_, -1)) {}

PartialFolder::~PartialFolder() {
  if (lock_ >= 0) ::close(lock_);
}

void PartialFolder::remove() const {
  if (!is_ours(path_)) return;
  std::error_code ignored;
  fs::remove_all(path_ / kWeights, ignored);
  remove_all_but_weights();
}

void PartialFolder::remove_all_but_weights() const {
  if (!is_ours(path_)) return;
  std::error_code ignored;
  fs::remove(path_ / kWeights, ignored);
  for (const fs::path& entry : entries_of(path_)) {
    const std::string name = entry.filename().string();
    if (is_known(name) && name != kWeights) fs::remove_all(entry, ignored);
  }
  if (entries_of(path_).size() > 1) return;  // the mark is one
  fs::remove(path_ / kMark, ignored);
  fs::remove(path_, ignored);
}

}  // namespace anemone::converter
