#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "anemone/result.h"

namespace anemone {

/// A file that appears under its name when it is complete, or not at all: bytes go to a temporary
/// file in the same folder, `commit` renames it. What exists and is no regular file (a pipe,
/// /dev/null) is written to directly.
class AtomicFile {
 public:
  /// `mode`: who may read and write a new file, less what the process's umask takes away. Errors:
  /// io.
  static Result<AtomicFile> create(const std::filesystem::path& path, unsigned mode = 0666);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();  ///< Removes the temporary file unless it was committed.

  Status write(std::span<const std::byte> bytes);
  Status commit();

 private:
  AtomicFile(int descriptor, std::filesystem::path target, std::filesystem::path temporary)
      : descriptor_(descriptor), target_(std::move(target)), temporary_(std::move(temporary)) {}

  int descriptor_;
  std::filesystem::path target_;
  std::filesystem::path temporary_;  ///< empty when the target is written to directly.
};

}  // namespace anemone
