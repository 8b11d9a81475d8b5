#include "base/piece_consumer.h"

#include <utility>

namespace anemone {

PieceConsumer::PieceConsumer(Take take) : take_(std::move(take)), thread_([this] { work(); }) {}

PieceConsumer::~PieceConsumer() { static_cast<void>(finish()); }

void PieceConsumer::add(std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  pieces_[added_++ % kPieces] = bytes;
  changed_.notify_all();
}

Status PieceConsumer::wait_for(size_t piece) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    for (size_t i = done_; i < added_; ++i)
      if (i % kPieces == piece) return false;
    return true;
  });
  return status_;
}

Status PieceConsumer::finish() {
  {
    const std::lock_guard lock(mutex_);
    is_last_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  return status_;
}

void PieceConsumer::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return done_ < added_ || is_last_; });
    if (done_ == added_) return;
    const std::span<const std::byte> bytes = pieces_[done_ % kPieces];
    if (status_.ok()) {
      lock.unlock();
      Status status = take_(bytes);
      lock.lock();
      status_ = std::move(status);
    }
    ++done_;
    changed_.notify_all();
  }
}

}  // namespace anemone
