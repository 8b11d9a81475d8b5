#include "serve/completion_exchange.h"

#include <algorithm>
#include <utility>

#include "serve/chat_exchange.h"
#include "serve/server_sent_events.h"
#include "serve/token_texts.h"

namespace anemone::serve {

Result<std::unique_ptr<Exchange>> CompletionExchange::start(const Service& service,
                                                            const CompletionRequest& request) {
  ANEMONE_RETURN_IF_ERROR(service.check_model(request.model));
  std::unique_ptr<CompletionExchange> exchange(new CompletionExchange(service, request));
  for (const auto& prompt : request.prompts)
    ANEMONE_RETURN_IF_ERROR(exchange->add_prompt(request, prompt));
  return std::unique_ptr<Exchange>(std::move(exchange));
}

CompletionExchange::CompletionExchange(const Service& service, const CompletionRequest& request)
    : service_(service),
      id_(new_id("cmpl-")),
      created_s_(unix_time_s()),
      choices_a_prompt_(request.answer.choices),
      tells_logprobs_(request.top_logprobs >= 0),
      include_usage_(request.answer.include_usage) {
  streams_ = request.answer.streams;
}

Status CompletionExchange::add_prompt(const CompletionRequest& request,
                                      const CompletionRequest::Prompt& prompt) {
  Choice choice;
  std::vector<int32_t> ids;
  if (const auto* const text = std::get_if<std::string>(&prompt)) {
    ANEMONE_TRY(ids, service_.tokenizer.encode(*text, true).in("prompt"));
    if (request.echo) choice.text = *text;
  } else {
    ids = std::get<std::vector<int32_t>>(prompt);
    if (request.echo) {
      ANEMONE_TRY(choice.text, service_.tokenizer.decode(ids, false).in("prompt"));
    }
  }
  const bool scores = request.echo && request.top_logprobs >= 0;
  ANEMONE_RETURN_IF_ERROR(
      service_.add_work(request.answer, std::move(ids), request.top_logprobs, scores, work_));
  choices_.resize(work_.size(), choice);
  return {};
}

Json CompletionExchange::head() const {
  return {{"id", id_},
          {"object", "text_completion"},
          {"created", created_s_},
          {"model", service_.model_names().front()},
          {"system_fingerprint", service_.info.hash.empty() ? Json() : Json(service_.info.hash)}};
}

Json CompletionExchange::choice(size_t index, const std::string& text,
                                const std::vector<TokenLogprobs>& tokens,
                                const std::string& finish) {
  return {{"text", text},
          {"index", index},
          {"logprobs", tells_logprobs_
                           ? completion_logprobs(service_.tokenizer, tokens, choices_[index].offset)
                           : Json()},
          {"finish_reason", finish.empty() ? Json() : Json(finish)}};
}

std::string CompletionExchange::chunk(size_t index, const std::string& text,
                                      const std::vector<TokenLogprobs>& tokens,
                                      const std::string& finish) {
  Json json = head();
  json["choices"] = Json::array({choice(index, text, tokens, finish)});
  if (include_usage_) json["usage"] = nullptr;
  return event_of(json);
}

std::string CompletionExchange::begin() {
  std::string events;
  for (size_t i = 0; streams_ && i < choices_.size(); ++i)
    if (!choices_[i].text.empty()) events += chunk(i, choices_[i].text, {}, "");
  return events;
}

std::string CompletionExchange::piece(size_t index, Piece piece) {
  if (streams_) return chunk(index, piece.text, piece.tokens, "");
  Choice& choice = choices_[index];
  choice.text += piece.text;
  std::ranges::move(piece.tokens, std::back_inserter(choice.tokens));
  return {};
}

std::string CompletionExchange::outcome(size_t index, const generate::Generation& generation) {
  usage_.add(generation, index % static_cast<size_t>(choices_a_prompt_) > 0);
  choices_[index].finish_reason = finish_reason(generation.stop);
  return streams_ ? chunk(index, "", {}, choices_[index].finish_reason) : "";
}

std::string CompletionExchange::finish() {
  if (streams_) {
    std::string events;
    if (include_usage_) {
      Json json = head();
      json["choices"] = Json::array();
      json["usage"] = usage_.chat_json();
      events = event_of(json);
    }
    return events + std::string(kStreamEnd);
  }
  Json json = head();
  json["choices"] = Json::array();
  for (size_t i = 0; i < choices_.size(); ++i)
    json["choices"].push_back(
        choice(i, choices_[i].text, choices_[i].tokens, choices_[i].finish_reason));
  json["usage"] = usage_.chat_json();
  return dump(json);
}

}  // namespace anemone::serve
