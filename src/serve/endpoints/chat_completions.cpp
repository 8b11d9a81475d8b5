#include "serve/chat_exchange.h"
#include "serve/endpoint.h"

namespace anemone::serve {
namespace {

Reply answer(const Service& service, const Request& request) {
  const auto body = parse_body(request.body);
  if (!body.ok()) return refuse(body.error());
  auto fields = read_chat_request(*body, service.defaults());
  if (!fields.ok()) return refuse(fields.error());
  return reply_of(ChatExchange::start(service, *std::move(fields)));
}

}  // namespace

extern const Endpoint k_chat_completions;
const Endpoint k_chat_completions = {"POST", "/v1/chat/completions", true, answer};

}  // namespace anemone::serve
