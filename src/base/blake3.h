#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "anemone/result.h"

namespace anemone {

/// BLAKE3 of bytes given in pieces: the digest of files, several times as fast as SHA-256.
class Blake3 {
 public:
  /// What stands before the digits, so that a digest says what it is.
  static constexpr std::string_view kName = "blake3:";

  Blake3();
  void update(std::string_view bytes);
  /// The contents of a file, of which memory holds little at a time.
  /// Errors: io, interrupted (`stop` became true).
  Status update_from(const std::filesystem::path& path, const std::atomic<bool>* stop = nullptr);
  /// `kName` and 64 lower-case hexadecimal digits. Ends this object's work.
  std::string finish();

 private:
  struct Release {
    void operator()(void* hasher) const;
  };
  std::unique_ptr<void, Release> hasher_;
};

/// Digest of one text.
std::string blake3(std::string_view bytes);

}  // namespace anemone
