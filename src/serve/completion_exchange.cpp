#include "serve/completion_exchange.h"

#include <algorithm>
#include <utility>

#include "serve/token_texts.h"

namespace anemone::serve {
namespace {

constexpr const char* kObject = "text_completion";

}  // namespace

Result<std::unique_ptr<Exchange>> CompletionExchange::start(const Service& service,
                                                            const CompletionRequest& request) {
  ANEMONE_RETURN_IF_ERROR(service.check_model(request.model));
  std::unique_ptr<CompletionExchange> exchange(new CompletionExchange(service, request));
  for (const auto& prompt : request.prompts)
    ANEMONE_RETURN_IF_ERROR(exchange->add_prompt(request, prompt));
  return std::unique_ptr<Exchange>(std::move(exchange));
}

CompletionExchange::CompletionExchange(const Service& service, const CompletionRequest& request)
    : ChoicesExchange(service, "cmpl-", request.model, request.answer, request.top_logprobs),
      choices_a_prompt_(request.answer.choices) {}

Status CompletionExchange::add_prompt(const CompletionRequest& request,
                                      const CompletionRequest::Prompt& prompt) {
  Choice choice;
  std::vector<int32_t> ids;
  std::string words;
  if (const auto* const text = std::get_if<std::string>(&prompt)) {
    ANEMONE_TRY(ids, service_.tokenizer.encode(*text, true).in("prompt"));
    words = *text;
  } else {
    ids = std::get<std::vector<int32_t>>(prompt);
    ANEMONE_TRY(words, service_.tokenizer.decode(ids, false).in("prompt"));
  }
  if (request.echo)
    choice.text = std::move(words);
  else
    choice.offset = characters(words);
  const bool scores = request.echo && request.top_logprobs >= 0;
  ANEMONE_RETURN_IF_ERROR(
      service_.add_work(request.answer, std::move(ids), request.top_logprobs, scores, work_));
  choices_.resize(work_.size(), choice);
  return {};
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
  return ChoicesExchange::chunk(kObject, Json::array({choice(index, text, tokens, finish)}));
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
  if (streams_) return end(kObject);
  Json choices = Json::array();
  for (size_t i = 0; i < choices_.size(); ++i)
    choices.push_back(choice(i, choices_[i].text, choices_[i].tokens, choices_[i].finish_reason));
  return document(kObject, std::move(choices));
}

}  // namespace anemone::serve
