#include "serve/endpoint.h"
#include "serve/responses_exchange.h"

namespace anemone::serve {
namespace {

Reply answer(const Service& service, const Request& request) {
  const auto body = parse_body(request.body);
  if (!body.ok()) return refuse(body.error());
  auto fields = read_responses_request(*body, service.defaults());
  if (!fields.ok()) return refuse(fields.error());
  return reply_of(ResponsesExchange::start(service, *std::move(fields)));
}

}  // namespace

extern const Endpoint k_responses;
const Endpoint k_responses = {"POST", "/v1/responses", true, answer};

}  // namespace anemone::serve
