#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <set>

#include "serve/http_stream.h"
#include "serve/responder.h"
#include "serve/scheduler.h"

namespace anemone::serve {

class Connection;

/// What all connections share. Used by the one thread that all sockets belong to.
struct Connections {
  const Service& service;
  Scheduler& scheduler;
  boost::asio::thread_pool& workers;  ///< read requests: tokens take a while.
  std::set<Connection*> open;
  bool stops = false;     ///< each ends with the response it is about.
  size_t body_bytes = 0;  ///< of the requests that are being answered.
};

/// One client, request after request.
class Connection {
 public:
  Connection(boost::asio::ip::tcp::socket socket, Connections& all);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  boost::asio::awaitable<void> run();
  /// Tells that there are too many, and ends.
  boost::asio::awaitable<void> turn_away();
  /// Ends at once if no request is there.
  void end_if_idle();

 private:
  class BodyShare;

  /// Each returns false when the connection is at its end.
  boost::asio::awaitable<bool> begins();  ///< waits for a request.
  boost::asio::awaitable<bool> next();
  boost::asio::awaitable<bool> serve(const Endpoint& endpoint, const IncomingHead& head);
  boost::asio::awaitable<bool> read_body(bool expects_continue, BodyShare& share);
  boost::asio::awaitable<bool> refuse_unread(HttpStream::Error error);
  boost::asio::awaitable<Reply> answer(const Endpoint& endpoint, Request request);

  Connections& all_;
  const Limits& limits_;
  HttpStream stream_;
  Responder responder_;
  bool idle_ = true;
};

}  // namespace anemone::serve
