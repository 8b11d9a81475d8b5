#include "generate/background.h"

#include <algorithm>

namespace anemone::generate {

Background::Background() : thread_([this] { loop(); }) {}

Background::~Background() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Background::begin(Work& work) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(&work);
  }
  wake_.notify_one();
}

bool Background::take_back(Work& work) {
  std::unique_lock lock(mutex_);
  const auto found = std::ranges::find(waiting_, &work);
  if (found != waiting_.end()) {
    waiting_.erase(found);
    return true;
  }
  done_.wait(lock, [&] { return running_ != &work; });
  return false;
}

void Background::finish(Work& work) {
  if (take_back(work)) work.run();
}

void Background::drop(Work& work) { take_back(work); }

void Background::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
    if (ended_) return;
    running_ = waiting_.front();
    waiting_.erase(waiting_.begin());
    lock.unlock();
    running_->run();
    lock.lock();
    running_ = nullptr;
    done_.notify_all();
  }
}

}  // namespace anemone::generate
