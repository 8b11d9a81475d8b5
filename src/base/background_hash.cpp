#include "base/background_hash.h"

namespace anemone {

BackgroundHash::BackgroundHash() : thread_([this] { work(); }) {}

BackgroundHash::~BackgroundHash() {
  if (thread_.joinable()) finish();
}

void BackgroundHash::add(std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  pieces_[added_++ % kPieces] = bytes;
  changed_.notify_all();
}

void BackgroundHash::wait_for(size_t piece) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    for (size_t i = done_; i < added_; ++i)
      if (i % kPieces == piece) return false;
    return true;
  });
}

std::string BackgroundHash::finish() {
  {
    const std::lock_guard lock(mutex_);
    is_last_ = true;
    changed_.notify_all();
  }
  thread_.join();
  return hash_.finish();
}

void BackgroundHash::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return done_ < added_ || is_last_; });
    if (done_ == added_) return;
    const std::span<const std::byte> bytes = pieces_[done_ % kPieces];
    lock.unlock();
    hash_.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    lock.lock();
    ++done_;
    changed_.notify_all();
  }
}

}  // namespace anemone
