#include "base/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace anemone {
namespace {

constexpr size_t kGather = 1 << 20;  // a system call costs little against copying as much

}  // namespace

Result<OutputFile> OutputFile::create(const std::filesystem::path& path, Hashing hashing) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return fail(ErrorCode::io, "{}: cannot create: {}", path.string(), std::strerror(errno));
  return OutputFile(descriptor, path, hashing);
}

OutputFile::OutputFile(int descriptor, std::filesystem::path path, Hashing hashing)
    : descriptor_(descriptor), path_(std::move(path)) {
  const bool is_hashed = hashing == Hashing::sha256;
  for (size_t i = 0; i < (is_hashed ? gathered_.size() : 1); ++i)
    gathered_[i] = std::make_unique<std::byte[]>(kGather);
  if (is_hashed) hash_ = std::make_unique<BackgroundHash>();
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      gathered_(std::move(other.gathered_)),
      piece_(other.piece_),
      gathered_bytes_(std::exchange(other.gathered_bytes_, 0)),
      hash_(std::move(other.hash_)),
      written_bytes_(other.written_bytes_),
      started_bytes_(other.started_bytes_),
      digest_(std::move(other.digest_)) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status OutputFile::write_now(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return fail(ErrorCode::io, "{}: cannot write: {}", path_.string(), std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(written));
    written_bytes_ += written;
  }
  write_back();
  return {};
}

/// Lets the disk work while the rest is computed, and the operating system forget what is there, so
/// that a file larger than the memory drives nothing else out of it.
void OutputFile::write_back() {
#ifdef __linux__
  constexpr int64_t kWindow = 64 << 20;
  if (written_bytes_ - started_bytes_ < kWindow) return;
  const int64_t length = written_bytes_ - started_bytes_;
  ::sync_file_range(descriptor_, started_bytes_, length, SYNC_FILE_RANGE_WRITE);
  if (const int64_t before = started_bytes_ - kWindow; before >= 0) {
    ::sync_file_range(
        descriptor_, before, kWindow,
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    ::posix_fadvise(descriptor_, 0, started_bytes_, POSIX_FADV_DONTNEED);
  }
  started_bytes_ = written_bytes_;
#endif
}

Status OutputFile::flush() {
  const std::span<const std::byte> bytes(gathered_[piece_].get(), gathered_bytes_);
  if (hash_) hash_->add(bytes);
  ANEMONE_RETURN_IF_ERROR(write_now(bytes));
  gathered_bytes_ = 0;
  if (!hash_) return {};
  piece_ = (piece_ + 1) % gathered_.size();
  hash_->wait_for(piece_);
  return {};
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  if (!hash_ && gathered_bytes_ + bytes.size() > kGather) {
    ANEMONE_RETURN_IF_ERROR(flush());
    if (bytes.size() > kGather) return write_now(bytes);
  }
  while (!bytes.empty()) {
    const size_t count = std::min(bytes.size(), kGather - gathered_bytes_);
    std::memcpy(gathered_[piece_].get() + gathered_bytes_, bytes.data(), count);
    gathered_bytes_ += count;
    bytes = bytes.subspan(count);
    if (gathered_bytes_ == kGather) ANEMONE_RETURN_IF_ERROR(flush());
  }
  return {};
}

Status OutputFile::close() {
  ANEMONE_RETURN_IF_ERROR(flush());
  if (hash_) {
    digest_ = hash_->finish();
    hash_.reset();
  }
  if (::close(std::exchange(descriptor_, -1)) != 0)
    return fail(ErrorCode::io, "{}: cannot write: {}", path_.string(), std::strerror(errno));
  return {};
}

}  // namespace anemone
