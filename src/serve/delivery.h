#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "serve/responder.h"
#include "serve/scheduler.h"

namespace anemone::serve {

/// One exchange: its answers are asked for, and as they come they become the response. It notices
/// that the client leaves.
class Delivery {
 public:
  Delivery(HttpStream& stream, Responder& responder, const Service& service, Scheduler& scheduler,
           boost::asio::thread_pool& workers);

  /// False when the connection is at its end.
  boost::asio::awaitable<bool> run(Exchange& exchange);

 private:
  std::shared_ptr<Mailbox> make_mailbox(const Exchange& exchange);
  /// Counts down `answers`.
  boost::asio::awaitable<bool> carry(Exchange& exchange, Mailbox& mailbox, size_t answers);
  boost::asio::awaitable<bool> wait(Exchange& exchange, std::string& text);
  boost::asio::awaitable<bool> finish(Exchange& exchange);

  HttpStream& stream_;
  Responder& responder_;
  const Service& service_;
  Scheduler& scheduler_;
  boost::asio::thread_pool& workers_;
  /// Cancelled when there is something to look at.
  std::shared_ptr<boost::asio::steady_timer> signal_;
  bool left_ = false;  ///< the client.
};

}  // namespace anemone::serve
