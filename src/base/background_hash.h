#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "base/sha256.h"

namespace anemone {

/// SHA-256 on a thread of its own, of pieces that the caller fills in turn: piece `i` may be filled
/// again once `wait_for(i)` has returned.
class BackgroundHash {
 public:
  static constexpr size_t kPieces = 4;

  BackgroundHash();
  ~BackgroundHash();
  BackgroundHash(const BackgroundHash&) = delete;
  BackgroundHash& operator=(const BackgroundHash&) = delete;

  /// Pieces are handed over in the order 0, 1, … kPieces - 1, 0, …, each no more than once before
  /// it is waited for.
  void add(std::span<const std::byte> bytes);
  void wait_for(size_t piece);
  /// The digest of all pieces. Ends this object's work.
  std::string finish();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<std::span<const std::byte>, kPieces> pieces_;
  size_t added_ = 0;
  size_t done_ = 0;
  bool is_last_ = false;
  Sha256 hash_;
  std::thread thread_;
};

}  // namespace anemone
