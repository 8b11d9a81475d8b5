#include "serve/http_stream.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/read_size.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>

namespace anemone::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::redirect_error;
using asio::use_awaitable;
using Parser = http::request_parser<http::string_body>;

/// What is read ahead, beside a header: of a body, or of requests to come.
constexpr size_t kReadAheadBytes = size_t{256} << 10;
constexpr size_t kMostAtOnce = size_t{64} << 10;
constexpr std::chrono::seconds kDrainTime(2);
constexpr size_t kDrainBytes = size_t{64} << 20;

std::string text_of(beast::string_view view) { return {view.data(), view.size()}; }

/// RFC 9112, 6.1 and 6.3: who takes a coding for another one, or for none, takes what the body
/// holds for a request.
std::optional<Refusal> fault_of_coding(const Parser::value_type& request) {
  std::string codings;
  const auto [first, end] = request.equal_range(http::field::transfer_encoding);
  for (auto field = first; field != end; ++field)
    codings += (codings.empty() ? "" : ", ") + text_of(field->value());
  if (first == end || (request.version() >= 11 && beast::iequals(codings, "chunked")))
    return std::nullopt;
  const std::string last = codings.substr(codings.find_last_of(", \t") + 1);
  const bool has_end = request.version() >= 11 && beast::iequals(last, "chunked");
  return Refusal{has_end ? 501 : 400,
                 fmt::format("the Transfer-Encoding is '{}', expected chunked{}", codings,
                             request.version() >= 11 ? "" : " and HTTP/1.1"),
                 "transfer_encoding", ""};
}

/// RFC 9112, 3.2: whom a request is for, a proxy before this server must read as this server does.
std::optional<Refusal> fault_of_host(const Parser::value_type& request) {
  const auto hosts = request.count(http::field::host);
  if (hosts == 1 || (hosts == 0 && request.version() < 11)) return std::nullopt;
  return Refusal{400, fmt::format("the request has {} Host fields, expected one", hosts),
                 "wrong_host", ""};
}

std::optional<Refusal> fault_of(const Parser::value_type& request) {
  const auto fault = fault_of_coding(request);
  return fault ? fault : fault_of_host(request);
}

IncomingHead head_of(const Parser::value_type& request) {
  const std::string target = text_of(request.target());
  IncomingHead head;
  head.told = {text_of(request.method_string()),
               target.substr(0, target.find_first_of("?#")),
               text_of(request[http::field::host]),
               text_of(request[http::field::origin]),
               text_of(request[http::field::authorization]),
               text_of(request[http::field::content_type]),
               text_of(request[http::field::content_encoding]),
               text_of(request[http::field::access_control_request_headers])};
  head.method_is_known = request.method() != http::verb::unknown;
  head.version = request.version();
  head.expects_continue =  // of an older client that means nothing: RFC 9110, 10.1.1
      head.version >= 11 && beast::iequals(request[http::field::expect], "100-continue");
  head.fault = fault_of(request);
  return head;
}

/// Behind line ends, which some clients send after a body: RFC 9112, 2.2.
bool begins_request(beast::flat_buffer& buffer) {
  constexpr std::string_view kLineEnd = "\r\n";
  const auto held = buffer.data();
  std::string_view bytes(static_cast<const char*>(held.data()), held.size());
  while (bytes.starts_with(kLineEnd)) bytes.remove_prefix(kLineEnd.size());
  buffer.consume(held.size() - bytes.size());
  return !kLineEnd.starts_with(bytes);
}

}  // namespace

struct HttpStream::Incoming {
  explicit Incoming(size_t most_bytes) : buffer(most_bytes) {}

  /// Bounded: extensions and trailers of chunks count to no limit of Beast's own.
  beast::flat_buffer buffer;
  std::optional<Parser> parser;  ///< of the request at hand.
};

struct HttpStream::Alarm {
  asio::ip::tcp::socket* socket = nullptr;  ///< null: over.
  bool rang = false;
};

HttpStream::HttpStream(asio::ip::tcp::socket socket, const Limits& limits)
    : socket_(std::move(socket)),
      limits_(limits),
      incoming_(std::make_unique<Incoming>(limits.header_bytes + kReadAheadBytes)),
      timer_(socket_.get_executor()) {
  Error ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

HttpStream::~HttpStream() { end_limit(); }

void HttpStream::limit(std::chrono::seconds time) {
  end_limit();
  alarm_ = std::make_shared<Alarm>(Alarm{&socket_});
  timer_.expires_after(time);
  timer_.async_wait([alarm = alarm_](Error error) {
    if (error || alarm->socket == nullptr) return;
    alarm->rang = true;
    Error ignored;
    alarm->socket->cancel(ignored);
  });
}

void HttpStream::end_limit() {
  if (alarm_ != nullptr) alarm_->socket = nullptr;
  timer_.cancel();
}

HttpStream::Error HttpStream::told(Error error) const {
  return alarm_ != nullptr && alarm_->rang ? Error(asio::error::timed_out) : error;
}

asio::awaitable<HttpStream::Error> HttpStream::receive() {
  beast::flat_buffer& buffer = incoming_->buffer;
  Error error;
  const size_t room = beast::read_size(buffer, kMostAtOnce);
  if (room == 0) co_return Error(http::error::buffer_overflow);
  if (alarm_ != nullptr && alarm_->rang) co_return told(error);
  const auto space = buffer.prepare(room);
  buffer.commit(co_await socket_.async_read_some(space, redirect_error(use_awaitable, error)));
  co_return error == asio::error::eof ? error : told(error);
}

asio::awaitable<HttpStream::Error> HttpStream::read_some() {
  Parser& parser = *incoming_->parser;
  beast::flat_buffer& buffer = incoming_->buffer;
  while (true) {
    Error error;
    if (buffer.size() > 0) {
      buffer.consume(parser.put(buffer.data(), error));
      if (error != http::error::need_more) co_return error;
    }
    error = co_await receive();
    if (error == asio::error::eof) {
      if (!parser.got_some()) co_return Error(http::error::end_of_stream);
      error = {};
      parser.put_eof(error);
      co_return error;
    }
    if (error) co_return error;
  }
}

asio::awaitable<HttpStream::Error> HttpStream::await_request() {
  Error error;
  while (!error && !begins_request(incoming_->buffer)) error = co_await receive();
  co_return error;
}

asio::awaitable<HttpStream::Error> HttpStream::read_head(IncomingHead& head) {
  Parser& parser = incoming_->parser.emplace();
  parser.header_limit(static_cast<uint32_t>(limits_.header_bytes));
  parser.body_limit(limits_.body_bytes);
  parser.eager(false);
  Error error;
  while (!error && !parser.is_header_done()) error = co_await read_some();
  if (!error) head = head_of(parser.get());
  co_return error;
}

asio::awaitable<HttpStream::Error> HttpStream::read_body_piece() { return read_some(); }

bool HttpStream::is_read() const { return incoming_->parser->is_done(); }

bool HttpStream::client_keeps_alive() const { return incoming_->parser->get().keep_alive(); }

size_t HttpStream::body_bytes() const { return incoming_->parser->get().body().size(); }

std::string HttpStream::take_body() { return std::move(incoming_->parser->get().body()); }

asio::awaitable<HttpStream::Error> HttpStream::write(std::string_view bytes, std::string_view more,
                                                     std::chrono::seconds time) {
  limit(time);
  Error error;
  while (!error && !(bytes.empty() && more.empty()) && !alarm_->rang) {
    const std::array pieces = {asio::buffer(bytes), asio::buffer(more)};
    const size_t written =
        co_await socket_.async_write_some(pieces, redirect_error(use_awaitable, error));
    const size_t of_first = std::min(written, bytes.size());
    bytes.remove_prefix(of_first);
    more.remove_prefix(written - of_first);
  }
  end_limit();
  co_return bytes.empty() && more.empty() ? Error() : told(error);
}

asio::awaitable<void> HttpStream::drain() {
  Error error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) co_return;
  limit(kDrainTime);
  std::string scrap(size_t{16} << 10, '\0');
  for (size_t drained = 0; drained < kDrainBytes && !error && !alarm_->rang;)
    drained +=
        co_await socket_.async_read_some(asio::buffer(scrap), redirect_error(use_awaitable, error));
  end_limit();
}

void HttpStream::close() {
  Error ignored;
  socket_.close(ignored);
}

bool HttpStream::read_ahead() {
  std::array<char, size_t{16} << 10> piece;
  const auto got = recv(socket_.native_handle(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  const auto bytes = asio::buffer(piece.data(), static_cast<size_t>(got));
  beast::flat_buffer& buffer = incoming_->buffer;
  // Who sends more than this buffer holds before it has its response loses what follows it.
  if (bytes.size() > buffer.max_size() - buffer.size()) overflown_ = true;
  if (!overflown_) buffer.commit(asio::buffer_copy(buffer.prepare(bytes.size()), bytes));
  return true;
}

struct HttpStream::Watch::State {
  State(HttpStream& of, std::function<void()> to) : stream(of), left(std::move(to)) {}
  HttpStream& stream;
  std::function<void()> left;
  bool ended = false;
};

HttpStream::Watch::Watch(HttpStream& stream, std::function<void()> left)
    : state_(std::make_shared<State>(stream, std::move(left))) {
  wait(state_);
}

HttpStream::Watch::~Watch() {
  state_->ended = true;
  Error ignored;
  state_->stream.socket_.cancel(ignored);
}

void HttpStream::Watch::wait(const std::shared_ptr<State>& state) {
  state->stream.socket_.async_wait(asio::ip::tcp::socket::wait_read, [state](Error error) {
    if (state->ended) return;
    // An alarm that rang for a write cancels this wait, too.
    if (error == asio::error::operation_aborted) return wait(state);
    if (error) return;
    if (state->stream.read_ahead()) return wait(state);
    state->left();
  });
}

std::optional<Refusal> refusal_of_read(HttpStream::Error error) {
  if (error == http::error::body_limit)
    return Refusal{413, "the body is larger than this server takes", "too_large", ""};
  if (error == http::error::header_limit)
    return Refusal{431, "the head is larger than this server takes", "too_large", ""};
  if (error == http::error::buffer_overflow)
    return Refusal{400, "an extension or a trailer of chunks is larger than this server takes",
                   "too_large", ""};
  // Anything else that the parser says is the client's fault, but for an end between requests.
  const bool is_fault =
      error.category() == http::make_error_code(http::error::bad_version).category();
  if (is_fault && error != http::error::end_of_stream && error != http::error::partial_message)
    return Refusal{400, "this is no HTTP request", "bad_request", ""};
  return std::nullopt;
}

}  // namespace anemone::serve
