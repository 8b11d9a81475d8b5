#include "serve/connection.h"

#include <boost/asio/error.hpp>
#include <exception>
#include <utility>

#include "serve/delivery.h"
#include "serve/worker_call.h"

namespace anemone::serve {

namespace asio = boost::asio;
using std::chrono::seconds;

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
      stream_(std::move(socket), {static_cast<size_t>(limits_.header_bytes),
                                  static_cast<uint64_t>(limits_.body_bytes)}),
      responder_(stream_, all.service) {
  all_.open.insert(this);
  all_.service.metrics.connections = static_cast<int64_t>(all_.open.size());
}

Connection::~Connection() {
  all_.open.erase(this);
  all_.service.metrics.connections = static_cast<int64_t>(all_.open.size());
}

void Connection::end_if_idle() {
  if (idle_) stream_.close();
}

asio::awaitable<void> Connection::run() {
  bool goes_on = true;
  while (goes_on && !all_.stops) {
    idle_ = true;
    goes_on = co_await begins();
    if (goes_on) goes_on = co_await next();
  }
  co_await stream_.drain();
}

asio::awaitable<void> Connection::turn_away() {
  idle_ = false;
  co_await responder_.refuse(503, "this server has as many connections as it may", "too_many");
  co_await stream_.drain();
}

asio::awaitable<bool> Connection::begins() {
  stream_.limit(seconds(limits_.idle_s));
  const auto error = co_await stream_.await_request();
  if (error == asio::error::timed_out) stream_.close();
  co_return !error;
}

asio::awaitable<bool> Connection::next() {
  IncomingHead head;
  stream_.limit(seconds(limits_.transfer_s));
  const auto error = co_await stream_.read_head(head);
  stream_.end_limit();
  idle_ = false;
  Responder::Asked asked;
  if (error) {
    responder_.begin(std::move(asked));
    co_return co_await refuse_unread(error);
  }
  asked.version = head.version;
  asked.is_head = head.told.method == "HEAD";
  asked.origin = head.told.origin;
  if (head.method_is_known) asked.method = head.told.method;
  const Route chosen =
      head.fault ? Route{nullptr, document_of(*head.fault)} : route(all_.service, head.told);
  if (chosen.endpoint != nullptr) asked.endpoint = chosen.endpoint->path;
  asked.keeps_alive =
      chosen.refusal && !head.fault && stream_.is_read() && stream_.client_keeps_alive();
  responder_.begin(std::move(asked));
  if (chosen.refusal) {
    Document document = *chosen.refusal;
    co_return co_await responder_.write(std::move(document));
  }
  co_return co_await serve(*chosen.endpoint, head);
}

asio::awaitable<bool> Connection::serve(const Endpoint& endpoint, const IncomingHead& head) {
  BodyShare share(all_);
  const bool read = co_await read_body(head.expects_continue, share);
  if (!read) co_return false;
  responder_.asked().keeps_alive = stream_.client_keeps_alive() && !all_.stops;
  Request request{head.told.path, stream_.take_body()};
  Reply reply = co_await answer(endpoint, std::move(request));
  if (auto* const document = std::get_if<Document>(&reply))
    co_return co_await responder_.write(std::move(*document));
  const auto exchange = std::get<std::unique_ptr<Exchange>>(std::move(reply));
  Delivery delivery(stream_, responder_, all_.service, all_.scheduler, all_.workers);
  co_return co_await delivery.run(*exchange);
}

asio::awaitable<bool> Connection::refuse_unread(HttpStream::Error error) {
  if (error == asio::error::timed_out)
    co_return co_await responder_.refuse(408, "the request did not come in time", "timeout");
  const auto refusal = refusal_of_read(error);
  if (!refusal) co_return false;
  Document document = document_of(*refusal);
  co_return co_await responder_.write(std::move(document));
}

asio::awaitable<bool> Connection::read_body(bool expects_continue, BodyShare& share) {
  if (expects_continue && !stream_.is_read()) {
    const bool told = co_await responder_.let_continue();
    if (!told) co_return false;
  }
  HttpStream::Error error;
  stream_.limit(seconds(limits_.transfer_s));
  while (!error && !stream_.is_read()) {
    error = co_await stream_.read_body_piece();
    if (share.grow(stream_.body_bytes())) continue;
    co_await responder_.refuse(503, "other requests fill what this server takes at once",
                               "too_many");
    co_return false;
  }
  stream_.end_limit();
  if (!error) co_return true;
  co_await refuse_unread(error);
  co_return false;
}

asio::awaitable<Reply> Connection::answer(const Endpoint& endpoint, Request request) {
  Reply reply;
  const std::function<void()> make = [&] {
    try {
      reply = endpoint.answer(all_.service, request);
    } catch (const std::exception& error) {
      reply = document_of(Refusal{500, error.what(), "internal", ""});
    }
  };
  if (endpoint.method == "POST")
    co_await call_on(all_.workers, make);
  else
    make();
  co_return reply;
}

}  // namespace anemone::serve
