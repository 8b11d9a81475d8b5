#include "serve/mailbox.h"

#include <utility>

namespace anemone::serve {
namespace {

size_t size_bytes(const Event& event) {
  size_t bytes = sizeof(Event) + event.piece.text.size();
  for (const TokenLogprobs& token : event.piece.tokens)
    bytes += sizeof(TokenLogprobs) + token.top.size() * sizeof(RankedToken);
  return bytes;
}

}  // namespace

void Mailbox::put(Event event) {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    bytes_ += size_bytes(event);
    wakes = events_.empty();
    events_.push_back(std::move(event));
    if (bytes_ > most_bytes_) cancel(Cancellation::slow_reader);
  }
  if (wakes) wake_();
}

void Mailbox::fail(size_t index, const Refusal& refusal) noexcept {
  try {
    put({index, {}, refusal});
  } catch (...) {
    cancel(Cancellation::lost);
    try {
      wake_();
    } catch (...) {  // who waits looks every now and then
    }
  }
}

std::vector<Event> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  bytes_ = 0;
  return std::exchange(events_, {});
}

void Mailbox::cancel(Cancellation reason) {
  Cancellation none = Cancellation::none;
  cancellation_.compare_exchange_strong(none, reason);
}

}  // namespace anemone::serve
