#include "generate/prompt_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string_view>

#include "base/atomic_file.h"
#include "base/blake3.h"
#include "base/error.h"

namespace anemone::generate {
namespace {

constexpr std::string_view kMagic = "anemone prompt 1\n";
constexpr std::string_view kSuffix = ".prompt";
constexpr size_t kKeyDigits = 64;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What stands before the bytes: the key again, so that a file under another name is noticed.
std::string heading(const std::string& key, std::span<const std::byte> bytes) {
  return fmt::format("{}{}\n{}\n", kMagic, key, blake3(as_text(bytes)));
}

bool is_key(std::string_view name) {
  return name.size() == kKeyDigits &&
         name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// A block, or what a writer that was killed left of one.
bool is_ours(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const std::string_view rest = std::string_view(name).substr(std::min(name.size(), kKeyDigits));
  return is_key(std::string_view(name).substr(0, kKeyDigits)) &&
         (rest == kSuffix || (rest.starts_with(kSuffix) && rest.ends_with(".tmp")));
}

Status check_owner(const std::filesystem::path& folder) {
  struct stat found {};
  if (::lstat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode))
    return fail(ErrorCode::io, "{}: no folder for a prompt cache: it is something else",
                folder.string());
  if (found.st_uid != ::geteuid() || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return with_hint(fail(ErrorCode::invalid_argument,
                          "{}: others may write to this folder: what lies there cannot be trusted",
                          folder.string()),
                     "name a folder of your own, or one that is to be made");
  return {};
}

}  // namespace

Result<PromptFiles> PromptFiles::open(std::filesystem::path folder, uint64_t budget_bytes,
                                      LogSink log) {
  std::error_code error;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  if (error || (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST))
    return fail(ErrorCode::io, "{}: no folder for a prompt cache: {}", folder.string(),
                error ? error.message() : std::strerror(errno));
  ANEMONE_RETURN_IF_ERROR(check_owner(folder));
  return PromptFiles(std::move(folder), budget_bytes, std::move(log));
}

std::filesystem::path PromptFiles::path_of(const std::string& key) const {
  return folder_ / (key + std::string(kSuffix));
}

void PromptFiles::warn(const std::string& message) const {
  if (log_) log_(LogLevel::warning, message);
}

bool PromptFiles::holds(const std::string& key) const {
  std::error_code error;
  return !rejected_.contains(key) &&
         std::filesystem::is_regular_file(std::filesystem::symlink_status(path_of(key), error));
}

std::optional<std::vector<std::byte>> PromptFiles::read(const std::string& key, size_t size) {
  if (!holds(key)) return std::nullopt;
  const std::filesystem::path path = path_of(key);
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::vector<std::byte> bytes(size);
  std::string found(heading(key, {}).size(), '\0');
  const bool whole =
      file.read(found.data(), static_cast<std::streamsize>(found.size())) &&
      file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)) &&
      file.peek() == std::ifstream::traits_type::eof();
  if (!whole || found != heading(key, bytes)) {
    warn(fmt::format("{}: damaged, the prompt is computed again", path.string()));
    rejected_.insert(key);
    ++rejected_count_;
    return std::nullopt;
  }
  return bytes;
}

bool PromptFiles::has_room_for(size_t blocks, size_t size) const {
  return blocks <= budget_bytes_ / (size + heading(std::string(kKeyDigits, '0'), {}).size());
}

void PromptFiles::write(const std::string& key, std::span<const std::byte> bytes) {
  const std::filesystem::path path = path_of(key);
  std::error_code error;
  if (std::filesystem::is_symlink(std::filesystem::symlink_status(path, error)))
    return warn(fmt::format("{}: a link, nothing is kept there", path.string()));
  const auto written = [&]() -> Status {
    ANEMONE_TRY(AtomicFile file, AtomicFile::create(path, S_IRUSR | S_IWUSR));
    const std::string head = heading(key, bytes);
    ANEMONE_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(head))));
    ANEMONE_RETURN_IF_ERROR(file.write(bytes));
    return file.commit();
  }();
  if (!written.ok()) return warn(written.error().to_string());
  rejected_.erase(key);
}

void PromptFiles::use(std::span<const std::string> keys) {
  std::error_code error;
  auto time = std::filesystem::file_time_type::clock::now();
  for (const std::string& key : keys) {
    std::filesystem::last_write_time(path_of(key), time, error);
    time -= std::chrono::microseconds(1);
  }
  make_room();
}

void PromptFiles::make_room() {
  struct Kept {
    std::filesystem::file_time_type used;
    std::filesystem::path path;
    uint64_t bytes;
  };
  std::vector<Kept> files;
  uint64_t total = 0;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder_, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    if (!is_ours(entry->path()) || !entry->is_regular_file(gone)) continue;
    const Kept kept = {entry->last_write_time(gone), entry->path(), entry->file_size(gone)};
    if (gone) continue;
    total += kept.bytes;
    files.push_back(kept);
  }
  std::ranges::sort(files, {}, &Kept::used);
  for (const Kept& each : files) {
    if (total <= budget_bytes_) return;
    std::filesystem::remove(each.path, error);
    total -= each.bytes;
  }
}

}  // namespace anemone::generate
