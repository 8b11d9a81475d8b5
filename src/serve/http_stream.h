#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "serve/documents/refusal.h"
#include "serve/routing.h"

namespace anemone::serve {

/// The head of a request, and what it says about the bytes around it.
struct IncomingHead {
  RequestHead told;
  bool method_is_known = false;  ///< what nobody knows is the client's own text.
  bool expects_continue = false;
  /// It leaves open where the request ends or whom it is for: nothing behind it can be trusted.
  std::optional<Refusal> fault;
  unsigned version = 11;  ///< 10 or 11.
};

/// The bytes of one client: requests in, texts out, each within a time. It alone knows Beast, whose
/// templates take a compiler long. Used by the thread of the sockets.
class HttpStream {
 public:
  using Error = boost::system::error_code;
  class Watch;

  struct Limits {
    size_t header_bytes = 0;
    uint64_t body_bytes = 0;
  };

  HttpStream(boost::asio::ip::tcp::socket socket, const Limits& limits);
  ~HttpStream();
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  /// What is read from now on ends after this time with `timed_out`.
  void limit(std::chrono::seconds time);
  void end_limit();
  /// Until a request begins; line ends before it are passed over.
  boost::asio::awaitable<Error> await_request();
  /// That request, up to the end of its head.
  boost::asio::awaitable<Error> read_head(IncomingHead& head);
  /// More of its body, until `is_read`.
  boost::asio::awaitable<Error> read_body_piece();
  bool is_read() const;  ///< the body, too.
  bool client_keeps_alive() const;
  size_t body_bytes() const;
  std::string take_body();

  /// `bytes`, and `more` behind them.
  boost::asio::awaitable<Error> write(std::string_view bytes, std::string_view more,
                                      std::chrono::seconds time);
  /// Ends the sending side, and reads on for a while: the client shall be able to read the response
  /// though it is still sending.
  boost::asio::awaitable<void> drain();
  void close();

  /// The client sent more, before its response was there, than is kept of that.
  bool overflown() const { return overflown_; }
  boost::asio::any_io_executor executor() { return socket_.get_executor(); }

 private:
  struct Incoming;
  struct Alarm;

  boost::asio::awaitable<Error> receive();
  boost::asio::awaitable<Error> read_some();
  /// Takes in what the client has sent while it waits for its response; false: it has left.
  bool read_ahead();
  Error told(Error error) const;

  boost::asio::ip::tcp::socket socket_;
  const Limits limits_;
  std::unique_ptr<Incoming> incoming_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<Alarm> alarm_;  ///< of the time that was set last.
  bool overflown_ = false;
};

/// Notices that a client leaves while nothing is written to it, also behind what it sends
/// meanwhile, such as its next request. Nothing is read beside it.
class HttpStream::Watch {
 public:
  /// `left` is called once, if it leaves while this lives.
  Watch(HttpStream& stream, std::function<void()> left);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  struct State;
  static void wait(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

/// What a client is told whose request could not be read; none: it has left.
std::optional<Refusal> refusal_of_read(HttpStream::Error error);

}  // namespace anemone::serve
