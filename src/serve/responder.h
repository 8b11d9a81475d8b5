#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "serve/exchange.h"
#include "serve/http_stream.h"
#include "serve/live_answer.h"

namespace anemone::serve {

/// Writes the responses of one client, one after the other, and counts each of them once.
class Responder {
 public:
  /// What of a request its response depends on.
  struct Asked {
    unsigned version = 11;
    bool is_head = false;      ///< the method HEAD: no body comes back.
    bool keeps_alive = false;  ///< the connection, after this response.
    std::string origin;
    std::string method;                                ///< for the log.
    std::string_view endpoint = Metrics::kNoEndpoint;  ///< for the metrics: a path of the list.
    Clock::time_point began = Clock::now();
  };

  Responder(HttpStream& stream, const Service& service) : stream_(stream), service_(service) {}

  /// A new request.
  void begin(Asked asked);
  Asked& asked() { return asked_; }

  /// Each returns false when the connection is at its end.
  boost::asio::awaitable<bool> write(Document document);
  boost::asio::awaitable<bool> refuse(int status, std::string message, const char* code);
  /// With the head of an event stream before the first text.
  boost::asio::awaitable<bool> write_stream(std::string text);
  boost::asio::awaitable<bool> end_stream();
  /// In place of what was still to come.
  boost::asio::awaitable<bool> fail(Exchange& exchange, const Refusal& refusal);
  /// "100 Continue", which HTTP/1.0 does not know.
  boost::asio::awaitable<bool> let_continue();
  /// Unless this request was counted.
  void count(int status);

 private:
  std::string head(int status) const;
  boost::asio::awaitable<bool> send(std::string_view bytes, std::string_view more = {});

  HttpStream& stream_;
  const Service& service_;
  Asked asked_;
  bool counted_ = false;
  bool streaming_ = false;  ///< the head of an event stream is written.
};

}  // namespace anemone::serve
