#include "base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include "base/error.h"

namespace anemone {

namespace fs = std::filesystem;

Result<AtomicFile> AtomicFile::create(const fs::path& path, unsigned mode) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  const fs::path& target = error ? path : real;
  if (!error && !fs::is_regular_file(target, error)) {
    const int descriptor = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0)
      return fail(ErrorCode::io, "{}: cannot write: {}", path.string(), std::strerror(errno));
    return AtomicFile(descriptor, target, {});
  }
  std::random_device random;
  constexpr int kAttempts = 16;  // a clash of 32 random bits is already unlikely
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    fs::path temporary = target;
    temporary += fmt::format(".{:08x}.tmp", random());
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor >= 0) return AtomicFile(descriptor, target, std::move(temporary));
    if (errno != EEXIST) break;
  }
  return fail(ErrorCode::io, "{}: cannot create: {}", path.string(), std::strerror(errno));
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return fail(ErrorCode::io, "{}: cannot write: {}", target_.string(), std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Status AtomicFile::commit() {
  if (::close(std::exchange(descriptor_, -1)) != 0)
    return fail(ErrorCode::io, "{}: cannot write: {}", target_.string(), std::strerror(errno));
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return fail(ErrorCode::io, "{}: cannot rename: {}", target_.string(), std::strerror(errno));
  temporary_.clear();
  return {};
}

}  // namespace anemone
