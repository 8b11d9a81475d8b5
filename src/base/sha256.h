#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace anemone {

/// SHA-256 of bytes given in pieces: for texts, and where other tools expect it. Files are digested
/// with BLAKE3.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
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
