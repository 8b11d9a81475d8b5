#include "generate/prompt_files.h"

#include <fmt/format.h>

#include <algorithm>
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

bool is_ours(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return name.size() == kKeyDigits + kSuffix.size() && name.ends_with(kSuffix) &&
         name.find_first_not_of("0123456789abcdef") == kKeyDigits;
}

}  // namespace

Result<PromptFiles> PromptFiles::open(std::filesystem::path folder, uint64_t budget_bytes,
                                      LogSink log) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(folder, error);
  if (!error && made)
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error || !std::filesystem::is_directory(folder))
    return fail(ErrorCode::io, "{}: no folder for a prompt cache: {}", folder.string(),
                error ? error.message() : "it is something else");
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
  return !rejected_.contains(key) && std::filesystem::is_regular_file(path_of(key), error);
}

std::optional<std::vector<std::byte>> PromptFiles::read(const std::string& key, size_t size) {
  if (!holds(key)) return std::nullopt;
  const std::filesystem::path path = path_of(key);
  std::vector<std::byte> bytes(size);
  const size_t heading_size = heading(key, {}).size();
  std::string found(heading_size, '\0');
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  const bool whole =
      std::filesystem::file_size(path, error) == heading_size + size && !error &&
      file.read(found.data(), static_cast<std::streamsize>(heading_size)) &&
      file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!whole || found != heading(key, bytes)) {
    warn(fmt::format("{}: damaged, the prompt is computed again", path.string()));
    rejected_.insert(key);
    ++rejected_count_;
    return std::nullopt;
  }
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), error);
  return bytes;
}

void PromptFiles::write(const std::string& key, std::span<const std::byte> bytes) {
  const std::filesystem::path path = path_of(key);
  const auto written = [&]() -> Status {
    ANEMONE_TRY(AtomicFile file, AtomicFile::create(path));
    const std::string head = heading(key, bytes);
    ANEMONE_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(head))));
    ANEMONE_RETURN_IF_ERROR(file.write(bytes));
    return file.commit();
  }();
  if (!written.ok()) return warn(written.error().to_string());
  rejected_.erase(key);
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
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    std::error_code gone;
    if (!is_ours(entry.path()) || !entry.is_regular_file(gone)) continue;
    const Kept kept = {entry.last_write_time(gone), entry.path(), entry.file_size(gone)};
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
