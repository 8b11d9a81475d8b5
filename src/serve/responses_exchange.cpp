#include "serve/responses_exchange.h"

#include "serve/chat_exchange.h"
#include "serve/server_sent_events.h"

namespace anemone::serve {

Result<std::unique_ptr<Exchange>> ResponsesExchange::start(const Service& service,
                                                           ChatRequest request) {
  ANEMONE_RETURN_IF_ERROR(service.check_model(request.model));
  ANEMONE_RETURN_IF_ERROR(constrain(service, request));
  ANEMONE_TRY(auto prompt, render_prompt(service, request));
  std::unique_ptr<ResponsesExchange> exchange(new ResponsesExchange(service, request));
  ANEMONE_RETURN_IF_ERROR(
      service.add_work(request.answer, std::move(prompt), -1, false, exchange->work_));
  return std::unique_ptr<Exchange>(std::move(exchange));
}

ResponsesExchange::ResponsesExchange(const Service& service, const ChatRequest& request)
    : service_(service),
      id_(new_id("resp_")),
      created_s_(unix_time_s()),
      request_(request),
      reader_(service.dialect, request.tools.read) {
  streams_ = request.answer.streams;
}

Json ResponsesExchange::response(const char* status) const {
  const AnswerFields& answer = request_.answer;
  const ChatRequest::Asked& asked = request_.asked;
  const bool ended = std::string_view(status) != "in_progress";
  return {{"id", id_},
          {"object", "response"},
          {"created_at", created_s_},
          {"status", status},
          {"error", nullptr},
          {"incomplete_details",
           ended && !is_complete_ ? Json{{"reason", "max_output_tokens"}} : Json()},
          {"instructions", asked.instructions},
          {"max_output_tokens", answer.max_tokens ? Json(*answer.max_tokens) : Json()},
          {"model", service_.told_model(request_.model)},
          {"output", output_},
          {"parallel_tool_calls", request_.tools.choice.parallel},
          {"previous_response_id", nullptr},
          {"store", false},
          {"temperature", answer.options.sampling.temperature},
          {"text", {{"format", asked.format}}},
          {"tool_choice", asked.tool_choice},
          {"tools", asked.tools},
          {"top_p", answer.options.sampling.top_p},
          {"truncation", "disabled"},
          {"usage", ended ? usage_.responses_json() : Json()},
          {"metadata", Json::object()}};
}

Json ResponsesExchange::json_of(const Item& item, const char* status) const {
  if (item.is_call)
    return {{"id", item.id},           {"type", "function_call"}, {"status", status},
            {"call_id", item.call_id}, {"name", item.name},       {"arguments", item.text}};
  const bool begins = std::string_view(status) == "in_progress";
  Json content = Json::array();
  if (!begins)
    content.push_back(
        {{"type", "output_text"}, {"text", item.text}, {"annotations", Json::array()}});
  return {{"id", item.id},
          {"type", "message"},
          {"status", status},
          {"role", "assistant"},
          {"content", std::move(content)}};
}

std::string ResponsesExchange::event(const char* type, const Json& fields) {
  if (!streams_) return {};
  Json json = {{"type", type}, {"sequence_number", events_++}};
  json.update(fields);
  return event_of(type, json);
}

std::string ResponsesExchange::item_event(const char* type, Json fields) {
  Json place = {{"item_id", item_->id}, {"output_index", output_.size()}};
  if (!item_->is_call) place["content_index"] = 0;
  place.update(fields);
  return event(type, place);
}

std::string ResponsesExchange::begin() {
  const Json now = {{"response", response("in_progress")}};
  std::string events = event("response.created", now);
  events += event("response.in_progress", now);
  return events;
}

std::string ResponsesExchange::open_item(Item item) {
  item_ = std::move(item);
  std::string events =
      event("response.output_item.added",
            {{"output_index", output_.size()}, {"item", json_of(*item_, "in_progress")}});
  if (!item_->is_call)
    events += item_event(
        "response.content_part.added",
        {{"part", {{"type", "output_text"}, {"text", ""}, {"annotations", Json::array()}}}});
  return events;
}

std::string ResponsesExchange::close_item() {
  if (!item_) return {};
  const Json whole = json_of(*item_, is_complete_ ? "completed" : "incomplete");
  std::string events;
  if (item_->is_call) {
    events = item_event("response.function_call_arguments.done",
                        {{"name", item_->name}, {"arguments", item_->text}});
  } else {
    events = item_event("response.output_text.done",
                        {{"text", item_->text}, {"logprobs", Json::array()}});
    events += item_event("response.content_part.done", {{"part", whole["content"][0]}});
  }
  events += event("response.output_item.done", {{"output_index", output_.size()}, {"item", whole}});
  output_.push_back(whole);
  item_.reset();
  return events;
}

std::string ResponsesExchange::take(const generate::ToolDelta& delta) {
  using Kind = generate::ToolDelta::Kind;
  std::string events;
  const bool fits =
      item_ && delta.kind != Kind::call && item_->is_call == (delta.kind == Kind::arguments);
  if (!fits) {
    events = close_item();
    events += delta.kind == Kind::content
                  ? open_item({false, new_id("msg_"), "", "", ""})
                  : open_item({true, new_id("fc_"), new_id("call_"), delta.text, ""});
  }
  if (delta.kind == Kind::call) return events;
  item_->text += delta.text;
  return events +
         (delta.kind == Kind::content
              ? item_event("response.output_text.delta",
                           {{"delta", delta.text}, {"logprobs", Json::array()}})
              : item_event("response.function_call_arguments.delta", {{"delta", delta.text}}));
}

std::string ResponsesExchange::piece(size_t, Piece piece) {
  std::string events;
  for (const generate::ToolDelta& delta : reader_.feed(piece.text)) events += take(delta);
  return events;
}

std::string ResponsesExchange::outcome(size_t index, const generate::Generation& generation) {
  usage_.add(generation, index > 0);
  is_complete_ = std::string_view(finish_reason(generation.stop)) != "length";
  std::string events;
  for (const generate::ToolDelta& delta : reader_.finish()) events += take(delta);
  // An answer without a word is a message all the same.
  if (!item_ && output_.empty()) events += open_item({false, new_id("msg_"), "", "", ""});
  return events + close_item();
}

std::string ResponsesExchange::finish() {
  const char* const status = is_complete_ ? "completed" : "incomplete";
  if (!streams_) return dump(response(status));
  return event(is_complete_ ? "response.completed" : "response.incomplete",
               {{"response", response(status)}});
}

std::string ResponsesExchange::failure(const Refusal& refusal) {
  Json failed = response("failed");
  failed["error"] = {{"code", "server_error"}, {"message", refusal.message}};
  return event("response.failed", {{"response", failed}});
}

}  // namespace anemone::serve
