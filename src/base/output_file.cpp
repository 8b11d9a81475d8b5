#include "base/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/error.h"

namespace anemone {
namespace {

constexpr size_t kGather = 1 << 20;  // a system call costs little against copying as much
/// A file as large as this goes past the page cache from here on: what else lies there stays.
constexpr size_t kCachedBytes = size_t{64} << 20;
constexpr std::align_val_t kPage{4096};  // what direct writing asks of addresses and sizes

/// False: the file system cannot.
bool set_direct(int descriptor, bool direct) {
#ifdef O_DIRECT
  const int flags = ::fcntl(descriptor, F_GETFL);
  return ::fcntl(descriptor, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
#else
  return ::fcntl(descriptor, F_NOCACHE, direct ? 1 : 0) == 0;
#endif
}

Status write_all(int descriptor, const std::filesystem::path& path,
                 std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return fail(ErrorCode::io, "{}: cannot write: {}", path.string(), std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace

/// Whole pieces to a file, and one that is not whole as the last.
class OutputFile::PieceWriter {
 public:
  PieceWriter(int descriptor, std::filesystem::path path)
      : descriptor_(descriptor), path_(std::move(path)) {}

  Status write(std::span<const std::byte> piece) {
    const bool direct = written_bytes_ >= kCachedBytes && piece.size() == kGather && !refused_;
    if (direct != direct_ && set_direct(descriptor_, direct)) direct_ = direct;
    written_bytes_ += piece.size();
    if (direct_) {
      const ssize_t written = ::write(descriptor_, piece.data(), piece.size());
      if (written == static_cast<ssize_t>(piece.size())) return {};
      if (written > 0) piece = piece.subspan(static_cast<size_t>(written));
      refused_ = written < 0 && errno == EINVAL;
      if (set_direct(descriptor_, false)) direct_ = false;
    }
    return write_all(descriptor_, path_, piece);
  }

 private:
  int descriptor_;
  std::filesystem::path path_;
  size_t written_bytes_ = 0;
  bool direct_ = false;
  bool refused_ = false;  ///< by the file system, at the first write.
};

struct OutputFile::Background {
  Background(int descriptor, const std::filesystem::path& path)
      : pieces(descriptor, path),
        hasher([this](std::span<const std::byte> bytes) -> Status {
          hash.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
          return {};
        }),
        writer([this](std::span<const std::byte> bytes) { return pieces.write(bytes); }) {}

  Blake3 hash;
  PieceWriter pieces;
  PieceConsumer hasher;
  PieceConsumer writer;
};

Result<OutputFile> OutputFile::create(const std::filesystem::path& path, Hashing hashing) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return fail(ErrorCode::io, "{}: cannot create: {}", path.string(), std::strerror(errno));
  return OutputFile(descriptor, path, hashing);
}

OutputFile::OutputFile(int descriptor, std::filesystem::path path, Hashing hashing)
    : descriptor_(descriptor), path_(std::move(path)) {
  const bool is_hashed = hashing == Hashing::blake3;
  for (size_t i = 0; i < (is_hashed ? gathered_.size() : 1); ++i)
    gathered_[i].reset(new (kPage) std::byte[kGather]);
  if (is_hashed) background_ = std::make_unique<Background>(descriptor_, path_);
}

void OutputFile::FreePiece::operator()(std::byte* piece) const {
  ::operator delete[](piece, kPage);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      gathered_(std::move(other.gathered_)),
      piece_(other.piece_),
      gathered_bytes_(std::exchange(other.gathered_bytes_, 0)),
      background_(std::move(other.background_)),
      digest_(std::move(other.digest_)) {}

OutputFile::~OutputFile() {
  background_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status OutputFile::flush() {
  const std::span<const std::byte> bytes(gathered_[piece_].get(),
                                         std::exchange(gathered_bytes_, 0));
  if (!background_) return write_all(descriptor_, path_, bytes);
  background_->hasher.add(bytes);
  background_->writer.add(bytes);
  piece_ = (piece_ + 1) % gathered_.size();
  ANEMONE_RETURN_IF_ERROR(background_->hasher.wait_for(piece_));
  return background_->writer.wait_for(piece_);
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  if (!background_ && gathered_bytes_ + bytes.size() > kGather) {
    ANEMONE_RETURN_IF_ERROR(flush());
    if (bytes.size() > kGather) return write_all(descriptor_, path_, bytes);
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
  if (background_) {
    ANEMONE_RETURN_IF_ERROR(background_->writer.finish());
    ANEMONE_RETURN_IF_ERROR(background_->hasher.finish());
    digest_ = background_->hash.finish();
    background_.reset();
  }
  if (::close(std::exchange(descriptor_, -1)) != 0)
    return fail(ErrorCode::io, "{}: cannot write: {}", path_.string(), std::strerror(errno));
  return {};
}

}  // namespace anemone
