#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "checkpoint/checkpoint.h"

namespace anemone::converter {

/// The hash of a checkpoint's files, computed on a thread of its own while the weights are
/// converted.
class SourceHash {
 public:
  /// As long as the hash itself, in its place until it is known.
  static std::string unknown() { return "blake3:" + std::string(64, '0'); }

  explicit SourceHash(checkpoint::Checkpoint checkpoint);
  /// Stops the thread.
  ~SourceHash();
  SourceHash(const SourceHash&) = delete;
  SourceHash& operator=(const SourceHash&) = delete;

  /// Waits until it is there. Errors: those of checkpoint::hash_checkpoint.
  Result<std::string> get();

 private:
  std::optional<Result<std::string>> hash_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace anemone::converter
