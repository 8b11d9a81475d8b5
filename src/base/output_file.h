#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "anemone/result.h"

namespace anemone {

/// A new file, written from front to back. Small pieces are gathered; large ones go to the
/// operating system as they are, without a copy of ours.
class OutputFile {
 public:
  /// Errors: io (the file exists, the folder does not, no permission).
  static Result<OutputFile> create(const std::filesystem::path& path);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  /// Errors: io.
  Status write(std::span<const std::byte> bytes);
  /// To be called last: what is gathered is written and the system's late errors are heard.
  Status close();

 private:
  OutputFile(int descriptor, std::filesystem::path path);
  Status write_now(std::span<const std::byte> bytes);

  int descriptor_;
  std::filesystem::path path_;
  std::unique_ptr<std::byte[]> gathered_;
  size_t gathered_bytes_ = 0;
};

}  // namespace anemone
