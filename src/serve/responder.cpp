#include "serve/responder.h"

#include <fmt/format.h>

#include <boost/beast/http/status.hpp>
#include <utility>

namespace anemone::serve {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

std::string field(std::string_view name, std::string_view value) {
  return fmt::format("{}: {}\r\n", name, value);
}

std::string chunk(std::string_view text) {
  return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}

}  // namespace

void Responder::begin(Asked asked) {
  asked_ = std::move(asked);
  counted_ = streaming_ = false;
}

std::string Responder::head(int status) const {
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  std::string text = fmt::format("HTTP/1.{} {} {}\r\n", asked_.version < 11 ? 0 : 1, status,
                                 std::string_view(reason.data(), reason.size()));
  text += field("Server", "anemone");
  text += field("X-Content-Type-Options", "nosniff");
  if (!service_.options.cors_origins.empty())
    text += field("Vary", "Origin, Access-Control-Request-Headers");
  for (const auto& [name, value] : cors_headers(service_.options, asked_.origin))
    text += field(name, value);
  if (asked_.version >= 11 && !asked_.keeps_alive) text += field("Connection", "close");
  if (asked_.version < 11 && asked_.keeps_alive) text += field("Connection", "keep-alive");
  return text;
}

void Responder::count(int status) {
  if (std::exchange(counted_, true)) return;
  const auto took = Clock::now() - asked_.began;
  service_.metrics.count_request(asked_.endpoint, status, took);
  if (service_.options.log)
    service_.options.log(
        LogLevel::debug,
        fmt::format("{} {} {} {} ms", asked_.method.empty() ? "-" : asked_.method, asked_.endpoint,
                    status, std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

asio::awaitable<bool> Responder::send(std::string_view bytes, std::string_view more) {
  const auto error =
      co_await stream_.write(bytes, more, std::chrono::seconds(service_.options.limits.transfer_s));
  if (error) stream_.close();
  co_return !error;
}

asio::awaitable<bool> Responder::write(Document document) {
  std::string text = head(document.status);
  if (!document.type.empty()) text += field("Content-Type", document.type);
  for (const auto& [name, value] : document.headers) text += field(name, value);
  if (document.status != 204) text += field("Content-Length", fmt::to_string(document.body.size()));
  text += "\r\n";
  if (asked_.is_head) document.body.clear();
  count(document.status);
  const bool sent = co_await send(text, document.body);
  co_return sent&& asked_.keeps_alive;
}

asio::awaitable<bool> Responder::refuse(int status, std::string message, const char* code) {
  Document document = document_of(Refusal{status, std::move(message), code, ""});
  co_return co_await write(std::move(document));
}

asio::awaitable<bool> Responder::write_stream(std::string text) {
  if (text.empty()) co_return true;
  const bool by_chunks = asked_.version >= 11;
  if (by_chunks) text = chunk(text);
  if (!std::exchange(streaming_, true)) {
    if (!by_chunks) asked_.keeps_alive = false;
    std::string first = head(200) + field("Content-Type", "text/event-stream; charset=utf-8") +
                        field("Cache-Control", "no-store") + field("X-Accel-Buffering", "no");
    if (by_chunks) first += field("Transfer-Encoding", "chunked");
    text.insert(0, first + "\r\n");
  }
  co_return co_await send(text);
}

asio::awaitable<bool> Responder::end_stream() {
  count(200);
  if (asked_.version < 11) co_return false;
  const bool sent = co_await send("0\r\n\r\n");
  co_return sent&& asked_.keeps_alive;
}

asio::awaitable<bool> Responder::fail(Exchange& exchange, const Refusal& refusal) {
  if (!streaming_) {
    Document document = document_of(refusal);
    co_return co_await write(std::move(document));
  }
  asked_.keeps_alive = false;
  std::string text = exchange.failure(refusal);
  const bool written = co_await write_stream(std::move(text));
  if (!written) co_return false;
  co_return co_await end_stream();
}

asio::awaitable<bool> Responder::let_continue() {
  co_return co_await send("HTTP/1.1 100 Continue\r\n\r\n");
}

}  // namespace anemone::serve
