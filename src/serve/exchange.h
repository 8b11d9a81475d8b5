#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "serve/documents/refusal.h"
#include "serve/work.h"

namespace anemone::serve {

/// What a client asks, without its transport.
struct Request {
  std::string path;  ///< without query.
  std::string body;
};

/// A whole response.
struct Document {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
};

Document document_of(const Refusal& refusal);

/// How the answers to one request become its response: as they come, an event stream, or at the end
/// one document. One thread at a time.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// What the model is to make; asked once.
  std::vector<Work> take_work() { return std::move(work_); }
  bool streams() const { return streams_; }

  /// Each gives the text that a stream goes on with; of a document that comes at the end, nothing.
  virtual std::string begin() { return {}; }
  virtual std::string piece(size_t index, Piece piece) = 0;
  virtual std::string outcome(size_t index, const generate::Generation& generation) = 0;
  /// After the outcomes of all: the end of the stream, or the whole document.
  virtual std::string finish() = 0;
  /// In the stream, in place of what was still to come.
  virtual std::string failure(const Refusal& refusal);

 protected:
  std::vector<Work> work_;
  bool streams_ = false;
};

using Reply = std::variant<Document, std::unique_ptr<Exchange>>;

}  // namespace anemone::serve
