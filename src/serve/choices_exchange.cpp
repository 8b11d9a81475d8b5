#include "serve/choices_exchange.h"

#include "serve/server_sent_events.h"

namespace anemone::serve {

const char* finish_reason(generate::StopReason reason) {
  switch (reason) {
    case generate::StopReason::max_tokens:
    case generate::StopReason::context_full:
      return "length";
    default:
      return "stop";
  }
}

ChoicesExchange::ChoicesExchange(const Service& service, std::string_view id_prefix,
                                 const std::string& model, const AnswerFields& answer,
                                 int64_t top_logprobs)
    : service_(service),
      tells_logprobs_(top_logprobs >= 0),
      id_(new_id(id_prefix)),
      model_(service.told_model(model)),
      created_s_(unix_time_s()),
      include_usage_(answer.include_usage) {
  streams_ = answer.streams;
}

Json ChoicesExchange::head(const char* object, Json choices) const {
  return {{"id", id_},
          {"object", object},
          {"created", created_s_},
          {"model", model_},
          {"system_fingerprint", service_.info.hash.empty() ? Json() : Json(service_.info.hash)},
          {"choices", std::move(choices)}};
}

std::string ChoicesExchange::chunk(const char* object, Json choices) const {
  Json json = head(object, std::move(choices));
  if (include_usage_) json["usage"] = nullptr;
  return event_of(json);
}

std::string ChoicesExchange::end(const char* object) const {
  std::string events;
  if (include_usage_) {
    Json json = head(object, Json::array());
    json["usage"] = usage_.chat_json();
    events = event_of(json);
  }
  return events + std::string(kStreamEnd);
}

std::string ChoicesExchange::document(const char* object, Json choices) const {
  Json json = head(object, std::move(choices));
  json["usage"] = usage_.chat_json();
  return dump(json);
}

}  // namespace anemone::serve
