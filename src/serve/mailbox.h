#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "serve/documents/refusal.h"
#include "serve/work.h"

namespace anemone::serve {

/// How an answer ended.
using Outcome = std::variant<generate::Generation, Refusal>;

/// What the model's thread tells of one answer of a request.
struct Event {
  size_t index = 0;  ///< of the request's answers.
  Piece piece;
  std::optional<Outcome> outcome;  ///< the last event of this answer.
};

/// Why nobody waits for an answer any more. `lost`: there was no memory to say how it ended.
enum class Cancellation : uint8_t { none, disconnect, slow_reader, error, lost };

/// From the model's thread to the one that writes to the client. Thread-safe. Holds a bounded
/// number of bytes: who reads slower than the model writes loses the answer.
class Mailbox {
 public:
  /// `wake` is called by the model's thread when something is there after nothing was.
  Mailbox(size_t most_bytes, std::function<void()> wake)
      : most_bytes_(most_bytes), wake_(std::move(wake)) {}

  void put(Event event);
  /// The last event of an answer; where there is no memory for it, the request is lost.
  void fail(size_t index, const Refusal& refusal) noexcept;
  /// All there is, oldest first.
  std::vector<Event> take();

  /// The first reason counts.
  void cancel(Cancellation reason);
  Cancellation cancellation() const { return cancellation_; }
  bool cancelled() const { return cancellation_ != Cancellation::none; }

 private:
  const size_t most_bytes_;
  const std::function<void()> wake_;
  std::atomic<Cancellation> cancellation_ = Cancellation::none;
  std::mutex mutex_;
  std::vector<Event> events_;
  size_t bytes_ = 0;
};

}  // namespace anemone::serve
