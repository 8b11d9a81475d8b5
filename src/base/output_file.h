#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "anemone/result.h"
#include "base/background_hash.h"

namespace anemone {

/// A new file, written from front to back. Small pieces are gathered; large ones go to the
/// operating system as they are, without a copy of ours, unless the file is hashed.
class OutputFile {
 public:
  enum class Hashing : uint8_t { none, sha256 };

  /// With Hashing::sha256 another thread hashes what this one writes.
  /// Errors: io (the file exists, the folder does not, no permission).
  static Result<OutputFile> create(const std::filesystem::path& path,
                                   Hashing hashing = Hashing::none);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  /// Errors: io.
  Status write(std::span<const std::byte> bytes);
  /// To be called last: what is gathered is written and the system's late errors are heard.
  Status close();
  /// After `close`: SHA-256 of the file, empty when it was not asked for.
  const std::string& digest() const { return digest_; }

 private:
  OutputFile(int descriptor, std::filesystem::path path, Hashing hashing);
  Status write_now(std::span<const std::byte> bytes);
  Status flush();
  void write_back();

  int descriptor_;
  std::filesystem::path path_;
  std::array<std::unique_ptr<std::byte[]>, BackgroundHash::kPieces> gathered_;
  size_t piece_ = 0;  ///< the one that is being filled.
  size_t gathered_bytes_ = 0;
  std::unique_ptr<BackgroundHash> hash_;  ///< null: not hashed. Ends before the pieces do.
  int64_t written_bytes_ = 0;
  int64_t started_bytes_ = 0;  ///< on their way to the disk or there.
  std::string digest_;
};

}  // namespace anemone
