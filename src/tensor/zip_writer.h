#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "anemone/result.h"
#include "base/atomic_file.h"
#include "tensor/zip_format.h"

namespace anemone {

/// Writes stored members to `file`, which outlives the writer. Times are fixed, so equal members
/// give equal bytes. Sizes and offsets of `zip64_from` and above take the ZIP64 form.
class ZipWriter {
 public:
  explicit ZipWriter(AtomicFile& file, uint64_t zip64_from = zip::kIn64)
      : file_(file), zip64_from_(zip64_from) {}

  /// A member whose contents are `parts`, one after the other.
  Status add(std::string_view name, std::initializer_list<std::span<const std::byte>> parts);
  /// Writes the directory. Nothing may follow.
  Status finish();

 private:
  Status write(std::span<const std::byte> bytes);

  AtomicFile& file_;
  uint64_t zip64_from_;
  uint64_t position_ = 0;
  uint64_t count_ = 0;
  std::string directory_;
};

}  // namespace anemone
