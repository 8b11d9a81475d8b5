#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "anemone/generate.h"
#include "anemone/language_model.h"
#include "anemone/log.h"
#include "anemone/result.h"
#include "anemone/text.h"

/// A language model behind OpenAI's HTTP interface.
namespace anemone::serve {

/// What one client, or all of them, may use at most.
struct Limits {
  int64_t running = 32;   ///< answers that the model advances together, each with its memory.
  int64_t waiting = 512;  ///< answers that wait for it; more are refused (429).
  int64_t connections = 1024;
  int64_t header_bytes = int64_t{16} << 10;
  int64_t body_bytes = int64_t{8} << 20;
  /// Of the requests that are being answered, together. What is made of a body (its documents, the
  /// options of each of its answers) may take several times as much.
  int64_t all_bodies_bytes = int64_t{256} << 20;
  /// Of an answer that the client has not read yet; who reads slower loses the answer.
  int64_t unread_bytes = int64_t{1} << 20;
  int64_t answer_tokens = 0;  ///< of one answer; 0: what the context holds.
  int64_t request_s = 600;    ///< from a request to the end of its answer.
  int64_t transfer_s = 30;    ///< to send a head, a body, or to take a piece of the response.
  int64_t idle_s = 75;        ///< until a request of a connection begins.
  int64_t shutdown_s = 30;    ///< for answers in progress when the server is to stop.
};

struct Options {
  std::string host = "127.0.0.1";  ///< a name or an address of this machine.
  uint16_t port = 8080;            ///< 0: one that is free.
  /// Asked for in `Authorization: Bearer …` of all paths but the page's and /health. Empty: no key.
  std::string api_key;
  /// Pages of these origins may use the interface in a browser; "*": all. Empty: none but its own.
  std::vector<std::string> cors_origins;
  std::vector<std::string> names;  ///< of the model; empty: its own.
  Limits limits;
  int64_t ping_s = 10;         ///< a stream that is silent for so long gets a comment.
  generate::Options defaults;  ///< for what a request does not say; its cache is shared by all.
  bool fixed_seed = false;     ///< that of `defaults` counts; else each request has another.
  LogSink log;                 ///< a line for each request (debug), faults of clients (debug).
  /// Called with the address once connections are taken.
  std::function<void(const std::string& url)> listening;
  /// Asked ten times a second; true ends the server: answers in progress are finished.
  std::function<bool()> stops;
};

/// Serves until `stops`. `model` is used by this call alone. Errors: invalid_argument (limits below
/// 1; a host without an address), io (the address cannot be listened on). Exceptions of `stops` end
/// it and are thrown again.
Status serve(lm::LanguageModel& model, const text::Tokenizer& tokenizer, const Options& options);

}  // namespace anemone::serve
