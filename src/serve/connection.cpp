#include "serve/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <exception>
#include <limits>
#include <utility>

#include "serve/server_sent_events.h"

namespace anemone::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::redirect_error;
using asio::use_awaitable;
using beast::error_code;

constexpr std::chrono::seconds kDrainTime(2);
constexpr size_t kDrainBytes = size_t{64} << 20;

std::chrono::seconds seconds(int64_t count) { return std::chrono::seconds(count); }

std::string text_of(beast::string_view view) { return {view.data(), view.size()}; }

template <class Fields>
RequestHead head_of(const http::request<http::string_body, Fields>& request) {
  const std::string target = text_of(request.target());
  return {text_of(request.method_string()),
          target.substr(0, target.find_first_of("?#")),
          text_of(request[http::field::host]),
          text_of(request[http::field::origin]),
          text_of(request[http::field::authorization]),
          text_of(request[http::field::content_type]),
          text_of(request[http::field::content_encoding]),
          text_of(request[http::field::access_control_request_headers])};
}

Document refused(int status, std::string message, const char* code) {
  return document_of(Refusal{status, std::move(message), code, ""});
}

}  // namespace

/// Notices that a client leaves while nothing is written to it, also behind what it sends
/// meanwhile, such as its next request.
class Connection::Watch {
 public:
  Watch(std::shared_ptr<Connection> connection, std::shared_ptr<Mailbox> mailbox)
      : state_(std::make_shared<State>(std::move(connection), std::move(mailbox))) {
    wait(state_);
  }
  ~Watch() {
    state_->ended = true;
    state_->mailbox->cancel(Cancellation::disconnect);  // nobody waits any more
    error_code ignored;
    state_->connection->stream_.socket().cancel(ignored);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  struct State {
    State(std::shared_ptr<Connection> of, std::shared_ptr<Mailbox> to)
        : connection(std::move(of)), mailbox(std::move(to)) {}
    std::shared_ptr<Connection> connection;
    std::shared_ptr<Mailbox> mailbox;
    bool ended = false;
  };

  static void wait(const std::shared_ptr<State>& state) {
    state->connection->stream_.socket().async_wait(
        asio::ip::tcp::socket::wait_read, [state](error_code error) {
          if (error || state->ended) return;
          if (state->connection->read_ahead()) return wait(state);
          state->connection->left_ = true;
          state->mailbox->cancel(Cancellation::disconnect);
          state->connection->signal_.cancel();
        });
  }

  std::shared_ptr<State> state_;
};

/// Ends what the socket is about after a time.
class Connection::Alarm {
 public:
  Alarm(const std::shared_ptr<Connection>& connection, std::chrono::seconds time)
      : connection_(connection), state_(std::make_shared<State>(State::set)) {
    connection->signal_.expires_after(time);
    connection->signal_.async_wait([connection, state = state_](error_code error) {
      if (error || *state != State::set) return;
      *state = State::rang;
      error_code ignored;
      connection->stream_.socket().cancel(ignored);
    });
  }
  ~Alarm() {
    *state_ = State::over;
    connection_->signal_.cancel();
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  bool rang() const { return *state_ == State::rang; }

 private:
  enum class State : uint8_t { set, rang, over };
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<State> state_;
};

/// The bytes of one request's body, among those of all.
class Connection::BodyShare {
 public:
  explicit BodyShare(Connections& all) : all_(all) {}
  ~BodyShare() { all_.body_bytes -= bytes_; }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  /// False: all together are too many.
  bool grow(size_t bytes) {
    all_.body_bytes += bytes - bytes_;
    bytes_ = bytes;
    return all_.body_bytes <= static_cast<size_t>(all_.service.options.limits.all_bodies_bytes);
  }

 private:
  Connections& all_;
  size_t bytes_ = 0;
};

Connection::Connection(asio::ip::tcp::socket socket, Connections& all)
    : all_(all),
      limits_(all.service.options.limits),
      stream_(std::move(socket)),
      buffer_(static_cast<size_t>(limits_.header_bytes) + kReadAheadBytes),
      signal_(stream_.get_executor()) {
  all_.open.insert(this);
  all_.service.metrics.connections = static_cast<int64_t>(all_.open.size());
  error_code ignored;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
}

Connection::~Connection() {
  all_.open.erase(this);
  all_.service.metrics.connections = static_cast<int64_t>(all_.open.size());
}

bool Connection::read_ahead() {
  std::array<char, size_t{16} << 10> piece;
  const auto got = recv(stream_.socket().native_handle(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  const auto bytes = asio::buffer(piece.data(), static_cast<size_t>(got));
  // Who sends more than this buffer holds before it has its response loses what follows it.
  if (bytes.size() > buffer_.max_size() - buffer_.size()) overflown_ = true;
  if (!overflown_) buffer_.commit(asio::buffer_copy(buffer_.prepare(bytes.size()), bytes));
  return true;
}

void Connection::end_if_idle() {
  if (idle_) stream_.close();
}

asio::awaitable<void> Connection::run() {
  bool goes_on = true;
  while (goes_on && !all_.stops) {
    idle_ = true;
    goes_on = co_await next();
  }
  co_await drain();
}

asio::awaitable<void> Connection::turn_away() {
  idle_ = keeps_alive_ = false;
  co_await write(refused(503, "this server has as many connections as it may", "too_many"));
  co_await drain();
}

asio::awaitable<bool> Connection::next() {
  Parser parser;
  parser.header_limit(static_cast<uint32_t>(limits_.header_bytes));
  parser.body_limit(static_cast<uint64_t>(limits_.body_bytes));
  endpoint_ = "none";
  method_ = path_ = origin_ = {};
  keeps_alive_ = is_head_ = streaming_ = counted_ = false;
  error_code error;
  stream_.expires_after(seconds(limits_.idle_s));
  co_await http::async_read_header(stream_, buffer_, parser, redirect_error(use_awaitable, error));
  idle_ = false;
  began_ = Clock::now();
  if (error) co_return co_await refuse_unread(error);
  const RequestHead head = head_of(parser.get());
  origin_ = head.origin;
  // What nobody knows as a method is the client's own text, which no log shows.
  if (parser.get().method() != http::verb::unknown) method_ = head.method;
  path_ = head.path;
  is_head_ = head.method == "HEAD";
  version_ = parser.get().version();
  Route chosen = route(all_.service, head);
  if (chosen.endpoint != nullptr) endpoint_ = chosen.endpoint->path;
  if (chosen.refusal) {
    keeps_alive_ = parser.is_done() && parser.get().keep_alive();
    co_return co_await write(*std::move(chosen.refusal));
  }
  BodyShare share(all_);
  const bool read = co_await read_body(parser, share);
  if (!read) co_return false;
  keeps_alive_ = parser.get().keep_alive() && !all_.stops;
  Request request{path_, std::move(parser.get().body())};
  Reply reply = co_await answer(*chosen.endpoint, std::move(request));
  if (auto* const document = std::get_if<Document>(&reply))
    co_return co_await write(std::move(*document));
  co_return co_await exchange(std::move(std::get<std::unique_ptr<Exchange>>(reply)));
}

asio::awaitable<bool> Connection::refuse_unread(error_code error) {
  if (error == http::error::body_limit)
    co_return co_await write(
        refused(413, "the body is larger than this server takes", "too_large"));
  if (error == http::error::header_limit)
    co_return co_await write(
        refused(431, "the head is larger than this server takes", "too_large"));
  if (error == http::error::buffer_overflow)
    co_return co_await write(refused(
        400, "an extension or a trailer of chunks is larger than this server takes", "too_large"));
  // Anything else that the parser says is the client's fault, but for an end between requests.
  const bool is_fault =
      error.category() == http::make_error_code(http::error::bad_version).category();
  if (is_fault && error != http::error::end_of_stream && error != http::error::partial_message)
    co_return co_await write(refused(400, "this is no HTTP request", "bad_request"));
  co_return false;
}

asio::awaitable<bool> Connection::read_body(Parser& parser, BodyShare& share) {
  error_code error;
  stream_.expires_after(seconds(limits_.transfer_s));
  if (beast::iequals(parser.get()[http::field::expect], "100-continue") && !parser.is_done()) {
    http::response<http::empty_body> go_on{http::status::continue_, version_};
    co_await http::async_write(stream_, go_on, redirect_error(use_awaitable, error));
    if (error) co_return false;
  }
  // Not by the stream's own clock, which closes it: there is something to say.
  const Alarm alarm(shared_from_this(), seconds(limits_.transfer_s));
  stream_.expires_never();
  while (!error && !parser.is_done()) {
    co_await http::async_read_some(stream_, buffer_, parser, redirect_error(use_awaitable, error));
    if (share.grow(parser.get().body().size())) continue;
    co_await write(refused(503, "other requests fill what this server takes at once", "too_many"));
    co_return false;
  }
  if (!error) co_return true;
  if (alarm.rang())
    co_await write(refused(408, "the body did not come in time", "timeout"));
  else
    co_await refuse_unread(error);
  co_return false;
}

asio::awaitable<Reply> Connection::answer(const Endpoint& endpoint, Request request) {
  const auto make = [&]() -> Reply {
    try {
      return endpoint.answer(all_.service, request);
    } catch (const std::exception& error) {
      return document_of(Refusal{500, error.what(), "internal", ""});
    }
  };
  if (endpoint.method != "POST") co_return make();
  const auto work = [&]() -> asio::awaitable<Reply> { co_return make(); };
  co_return co_await asio::co_spawn(all_.workers, work, use_awaitable);
}

template <class Body>
void Connection::set_head(http::response<Body>& response) const {
  response.set(http::field::server, "anemone");
  response.set("X-Content-Type-Options", "nosniff");
  if (!all_.service.options.cors_origins.empty())
    response.set(http::field::vary, "Origin, Access-Control-Request-Headers");
  for (const auto& [name, value] : cors_headers(all_.service.options, origin_))
    response.set(name, value);
  response.keep_alive(keeps_alive_);
}

void Connection::count(int status) {
  counted_ = true;
  const auto took = Clock::now() - began_;
  all_.service.metrics.count_request(endpoint_, status);
  all_.service.metrics.request.add(took);
  if (all_.service.options.log)
    all_.service.options.log(
        LogLevel::debug,
        fmt::format("{} {} {} {} ms", method_.empty() ? "-" : method_, endpoint_, status,
                    std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

asio::awaitable<bool> Connection::write(Document document) {
  http::response<http::string_body> response{static_cast<http::status>(document.status), version_};
  set_head(response);
  if (!document.type.empty()) response.set(http::field::content_type, document.type);
  for (const auto& [name, value] : document.headers) response.set(name, value);
  const auto length = document.body.size();
  if (!is_head_) response.body() = std::move(document.body);
  if (document.status != 204) response.content_length(length);
  count(document.status);
  error_code error;
  stream_.expires_after(seconds(limits_.transfer_s));
  co_await http::async_write(stream_, response, redirect_error(use_awaitable, error));
  co_return !error && keeps_alive_;
}

asio::awaitable<bool> Connection::exchange(std::unique_ptr<Exchange> exchange) {
  const auto executor = stream_.get_executor();
  auto wake = [weak = weak_from_this(), executor] {
    asio::post(executor, [weak] {
      if (const auto connection = weak.lock()) connection->signal_.cancel();
    });
  };
  // A document is taken from the mailbox as it grows, whatever the client reads.
  const size_t most_bytes = exchange->streams() ? static_cast<size_t>(limits_.unread_bytes)
                                                : std::numeric_limits<size_t>::max();
  const auto mailbox = std::make_shared<Mailbox>(most_bytes, wake);
  std::vector<Job> jobs;
  for (Work& work : exchange->take_work())
    jobs.push_back(
        {std::move(work), jobs.size(), mailbox, began_ + seconds(limits_.request_s), began_});
  const size_t answers = jobs.size();
  const auto admission = all_.scheduler.submit(std::move(jobs));
  if (admission == Scheduler::Admission::full)
    co_return co_await write(refused(429, "too many answers are waited for", "queue_full"));
  if (admission == Scheduler::Admission::too_many)
    co_return co_await write(refused(
        400, fmt::format("these are {} answers, this server takes {}", answers, limits_.waiting),
        "invalid_value"));
  if (admission == Scheduler::Admission::stopping)
    co_return co_await write(refused(503, "the server is shutting down", "shutting_down"));
  left_ = false;
  bool goes_on = false;
  {
    const Watch watch(shared_from_this(), mailbox);
    goes_on = co_await carry(*exchange, *mailbox, answers);
  }
  if (!counted_) count(499);  // as others count a client that left
  co_return goes_on && !overflown_;
}

asio::awaitable<bool> Connection::carry(Exchange& exchange, Mailbox& mailbox, size_t answers) {
  const auto ping = seconds(all_.service.options.ping_s);
  std::string text = exchange.streams() ? exchange.begin() : "";
  while (answers > 0) {
    std::vector<Event> events = mailbox.take();
    if (left_) co_return false;
    if (mailbox.cancellation() == Cancellation::lost) {
      const Refusal refusal{500, "no memory", "internal", ""};
      co_return co_await fail(exchange, refusal);
    }
    if (events.empty()) {
      error_code error;
      stream_.expires_never();
      signal_.expires_after(ping);
      co_await signal_.async_wait(redirect_error(use_awaitable, error));
      if (error || !exchange.streams()) continue;
      text += kPing;
      std::string ready = std::exchange(text, {});
      const bool written = co_await write_stream(std::move(ready));
      if (!written) co_return false;
      continue;
    }
    for (Event& event : events) {
      if (event.outcome && std::holds_alternative<Refusal>(*event.outcome)) {
        mailbox.cancel(Cancellation::error);
        if (mailbox.cancellation() == Cancellation::slow_reader) co_return false;
        const Refusal refusal = std::get<Refusal>(*std::move(event.outcome));
        co_return co_await fail(exchange, refusal);
      }
      if (!event.piece.text.empty() || !event.piece.tokens.empty())
        text += exchange.piece(event.index, std::move(event.piece));
      if (!event.outcome) continue;
      text += exchange.outcome(event.index, std::get<generate::Generation>(*event.outcome));
      --answers;
    }
    if (!exchange.streams()) continue;
    std::string ready = std::exchange(text, {});
    const bool written = co_await write_stream(std::move(ready));
    if (!written) co_return false;
  }
  if (!exchange.streams()) {
    // Texts of many tokens take a while.
    const auto finish = [&]() -> asio::awaitable<std::string> { co_return exchange.finish(); };
    std::string body = co_await asio::co_spawn(all_.workers, finish, use_awaitable);
    if (left_) co_return false;
    Document document{200, std::move(body)};
    co_return co_await write(std::move(document));
  }
  std::string last = exchange.finish();
  const bool written = co_await write_stream(std::move(last));
  if (!written) co_return false;
  co_return co_await end_stream();
}

asio::awaitable<bool> Connection::begin_stream() {
  streaming_ = true;
  http::response<http::empty_body> response{http::status::ok, version_};
  if (version_ < 11) keeps_alive_ = false;
  set_head(response);
  response.set(http::field::content_type, "text/event-stream; charset=utf-8");
  response.set(http::field::cache_control, "no-store");
  response.set("X-Accel-Buffering", "no");
  if (version_ >= 11) response.chunked(true);
  http::response_serializer<http::empty_body> serializer{response};
  error_code error;
  stream_.expires_after(seconds(limits_.transfer_s));
  co_await http::async_write_header(stream_, serializer, redirect_error(use_awaitable, error));
  co_return !error;
}

asio::awaitable<bool> Connection::write_stream(std::string text) {
  if (text.empty()) co_return true;
  if (!streaming_) {
    const bool begun = co_await begin_stream();
    if (!begun) co_return false;
  }
  error_code error;
  stream_.expires_after(seconds(limits_.transfer_s));
  if (version_ >= 11)
    co_await asio::async_write(stream_, http::make_chunk(asio::buffer(text)),
                               redirect_error(use_awaitable, error));
  else
    co_await asio::async_write(stream_, asio::buffer(text), redirect_error(use_awaitable, error));
  co_return !error;
}

asio::awaitable<bool> Connection::end_stream() {
  count(200);
  if (version_ < 11) co_return false;
  error_code error;
  co_await asio::async_write(stream_, http::make_chunk_last(),
                             redirect_error(use_awaitable, error));
  co_return !error && keeps_alive_;
}

asio::awaitable<bool> Connection::fail(Exchange& exchange, const Refusal& refusal) {
  if (!streaming_) {
    Document document = document_of(refusal);
    co_return co_await write(std::move(document));
  }
  keeps_alive_ = false;
  std::string text = exchange.failure(refusal);
  const bool written = co_await write_stream(std::move(text));
  if (!written) co_return false;
  co_return co_await end_stream();
}

asio::awaitable<void> Connection::drain() {
  error_code error;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) co_return;
  stream_.expires_after(kDrainTime);
  std::string scrap(size_t{16} << 10, '\0');
  for (size_t drained = 0; drained < kDrainBytes && !error;)
    drained +=
        co_await stream_.async_read_some(asio::buffer(scrap), redirect_error(use_awaitable, error));
}

}  // namespace anemone::serve
