#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <set>
#include <string>

#include "serve/routing.h"
#include "serve/scheduler.h"

namespace anemone::serve {

/// What is read ahead, beside a header: of a body, or of requests to come.
inline constexpr size_t kReadAheadBytes = size_t{256} << 10;

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
class Connection : public std::enable_shared_from_this<Connection> {
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
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  class Watch;
  class Alarm;
  class BodyShare;

  /// Each returns false when the connection is at its end.
  boost::asio::awaitable<bool> next();
  boost::asio::awaitable<bool> read_body(Parser& parser, BodyShare& share);
  boost::asio::awaitable<bool> refuse_unread(boost::beast::error_code error);
  boost::asio::awaitable<Reply> answer(const Endpoint& endpoint, Request request);
  boost::asio::awaitable<bool> write(Document document);
  boost::asio::awaitable<bool> exchange(std::unique_ptr<Exchange> exchange);
  boost::asio::awaitable<bool> carry(Exchange& exchange, Mailbox& mailbox, size_t answers);
  boost::asio::awaitable<bool> begin_stream();
  /// With the head before the first text.
  boost::asio::awaitable<bool> write_stream(std::string text);
  boost::asio::awaitable<bool> end_stream();
  boost::asio::awaitable<bool> fail(Exchange& exchange, const Refusal& refusal);
  /// So that the client can read the response though it is still sending.
  boost::asio::awaitable<void> drain();
  /// Takes in what the client has sent while it waits for its response; false: it has left.
  bool read_ahead();
  template <class Body>
  void set_head(boost::beast::http::response<Body>& response) const;
  void count(int status);

  Connections& all_;
  const Limits& limits_;
  boost::beast::tcp_stream stream_;
  /// Bounded: extensions and trailers of chunks count to no limit of Beast's own.
  boost::beast::flat_buffer buffer_;
  /// Cancelled when there is something to look at; of a request that is read, its time.
  boost::asio::steady_timer signal_;

  // Of the request at hand.
  bool idle_ = true;
  bool left_ = false;       ///< the client.
  bool overflown_ = false;  ///< some of what it sent ahead is forgotten.
  bool keeps_alive_ = true;
  bool is_head_ = false;
  bool counted_ = false;
  bool streaming_ = false;  ///< the head of an event stream is written.
  unsigned version_ = 11;
  std::string origin_;
  std::string method_;
  std::string path_;
  std::string_view endpoint_;
  Clock::time_point began_;
};

}  // namespace anemone::serve
