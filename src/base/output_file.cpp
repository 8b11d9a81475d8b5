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

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return fail(ErrorCode::io, "{}: cannot create: {}", path.string(), std::strerror(errno));
  return OutputFile(descriptor, path);
}

OutputFile::OutputFile(int descriptor, std::filesystem::path path)
    : descriptor_(descriptor),
      path_(std::move(path)),
      gathered_(std::make_unique<std::byte[]>(kGather)) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      gathered_(std::move(other.gathered_)),
      gathered_bytes_(std::exchange(other.gathered_bytes_, 0)) {}

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
  }
  return {};
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  if (gathered_bytes_ + bytes.size() > kGather) {
    ANEMONE_RETURN_IF_ERROR(write_now({gathered_.get(), gathered_bytes_}));
    gathered_bytes_ = 0;
    if (bytes.size() > kGather) return write_now(bytes);
  }
  std::ranges::copy(bytes, gathered_.get() + gathered_bytes_);
  gathered_bytes_ += bytes.size();
  return {};
}

Status OutputFile::close() {
  ANEMONE_RETURN_IF_ERROR(write_now({gathered_.get(), gathered_bytes_}));
  gathered_bytes_ = 0;
  if (::close(std::exchange(descriptor_, -1)) != 0)
    return fail(ErrorCode::io, "{}: cannot write: {}", path_.string(), std::strerror(errno));
  return {};
}

}  // namespace anemone
