#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "anemone/log.h"
#include "anemone/result.h"

namespace anemone::generate {

/// Blocks of bytes in a folder, each in a file named by its key, with a digest of what it holds.
/// Files that are damaged are passed over with a warning, other names are not touched.
class PromptFiles {
 public:
  /// Makes the folder, for its owner alone. Errors: io, invalid_argument (a folder that is a link,
  /// belongs to another user or may be written to by others).
  static Result<PromptFiles> open(std::filesystem::path folder, uint64_t budget_bytes, LogSink log);

  /// The `size` bytes kept under `key`, 64 hexadecimal digits; none where there are none.
  std::optional<std::vector<std::byte>> read(const std::string& key, size_t size);
  bool holds(const std::string& key) const;
  bool has_room_for(size_t blocks, size_t size) const;
  /// Readable by the owner alone. What cannot be written is not kept, with a warning.
  void write(const std::string& key, std::span<const std::byte> bytes);
  /// Marks files as used now, the first last; then files go that were not used for the longest time
  /// until the rest fits the budget.
  void use(std::span<const std::string> keys);
  uint64_t rejected() const { return rejected_count_; }

 private:
  PromptFiles(std::filesystem::path folder, uint64_t budget_bytes, LogSink log)
      : folder_(std::move(folder)), budget_bytes_(budget_bytes), log_(std::move(log)) {}
  std::filesystem::path path_of(const std::string& key) const;
  void warn(const std::string& message) const;
  void make_room();

  std::filesystem::path folder_;
  uint64_t budget_bytes_;
  LogSink log_;
  std::set<std::string> rejected_;  ///< keys whose files are to be written again.
  uint64_t rejected_count_ = 0;
};

}  // namespace anemone::generate
