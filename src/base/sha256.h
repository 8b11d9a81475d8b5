#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "anemone/result.h"

namespace anemone {

/// SHA-256 of bytes given in pieces.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  /// The contents of a file, of which memory holds little at a time.
  /// Errors: io, interrupted (`stop` was requested).
  Status update_from(const std::filesystem::path& path, const std::stop_token& stop = {});
  /// The digest as 64 lower-case hexadecimal digits. Ends this object's work.
  std::string finish();

 private:
  struct Release {
    void operator()(void* hasher) const;
  };
  std::unique_ptr<void, Release> hasher_;
};

/// Digest of one text.
std::string sha256(std::string_view bytes);

}  // namespace anemone
