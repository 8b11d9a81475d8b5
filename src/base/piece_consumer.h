#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <thread>

#include "anemone/result.h"

namespace anemone {

/// Takes pieces of bytes in their order on a thread of its own. The caller fills them in turn:
/// piece `i` may be filled again once `wait_for(i)` has returned.
class PieceConsumer {
 public:
  static constexpr size_t kPieces = 8;
  using Take = std::function<Status(std::span<const std::byte>)>;

  /// `take` is called on that thread alone, and never again after it has failed.
  explicit PieceConsumer(Take take);
  ~PieceConsumer();
  PieceConsumer(const PieceConsumer&) = delete;
  PieceConsumer& operator=(const PieceConsumer&) = delete;

  /// Pieces are handed over in the order 0, 1, … kPieces - 1, 0, …, each no more than once before
  /// it is waited for.
  void add(std::span<const std::byte> bytes);
  /// Errors: the one of `take`, as soon as it is known.
  Status wait_for(size_t piece);
  /// Waits for all pieces. Ends this object's work. Errors: the one of `take`.
  Status finish();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<std::span<const std::byte>, kPieces> pieces_;
  size_t added_ = 0;
  size_t done_ = 0;
  bool is_last_ = false;
  Status status_;
  Take take_;
  std::thread thread_;
};

}  // namespace anemone
