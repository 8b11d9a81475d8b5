#pragma once

#include <optional>
#include <string>

#include "serve/documents/chat_request.h"
#include "serve/exchange.h"
#include "serve/service.h"

namespace anemone::serve {

/// The answer of /v1/responses: a `response`, or the events of one. Its output is a list of items:
/// a message, calls of functions.
class ResponsesExchange : public Exchange {
 public:
  /// `service` must outlive it.
  static Result<std::unique_ptr<Exchange>> start(const Service& service, ChatRequest request);

  std::string begin() override;
  std::string piece(size_t index, Piece piece) override;
  std::string outcome(size_t index, const generate::Generation& generation) override;
  std::string finish() override;
  std::string failure(const Refusal& refusal) override;

 private:
  /// The item that goes on.
  struct Item {
    bool is_call = false;
    std::string id;
    std::string call_id;
    std::string name;  ///< of the function.
    std::string text;  ///< of the message, or the arguments.
  };

  ResponsesExchange(const Service& service, const ChatRequest& request);
  Json response(const char* status) const;
  Json json_of(const Item& item, const char* status) const;
  /// The event with its name, its number and `fields`, in a stream; else nothing.
  std::string event(const char* type, const Json& fields);
  std::string item_event(const char* type, Json fields);
  std::string take(const generate::ToolDelta& delta);
  std::string open_item(Item item);
  std::string close_item();

  const Service& service_;
  const std::string id_;
  const int64_t created_s_;
  const ChatRequest request_;
  generate::ToolReader reader_;
  int64_t events_ = 0;
  std::optional<Item> item_;
  bool is_complete_ = true;
  Json output_ = Json::array();
  Usage usage_;
};

}  // namespace anemone::serve
