#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "anemone/result.h"

namespace anemone {

/// A whole file, mapped read-only. Tensors that view its bytes hold it as their owner.
///
/// The bytes are those of the file while it stays as it is: replace a file by renaming another over
/// it, never by truncating it under a reader.
class MappedFile {
 public:
  /// Errors: not_found, io (no regular file, no permission, no address space).
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  /// Page-aligned; empty for an empty file.
  std::span<const std::byte> bytes() const { return {data_, size_bytes_}; }
  /// Gives the memory back that reading has filled so far. The bytes stay; who reads them again
  /// waits for the file again. Others may read at the same time.
  void release() const;

 private:
  MappedFile(const std::byte* data, size_t size_bytes) : data_(data), size_bytes_(size_bytes) {}

  const std::byte* data_;
  size_t size_bytes_;
};

}  // namespace anemone
