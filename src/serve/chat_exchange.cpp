#include "serve/chat_exchange.h"

#include "serve/documents/messages.h"
#include "serve/server_sent_events.h"
#include "serve/token_texts.h"

namespace anemone::serve {

Result<std::vector<int32_t>> render_prompt(const Service& service, const ChatRequest& request) {
  const bool shows_tools = !request.tools.tools.empty() && service.dialect.in_template;
  const auto& chosen = shows_tools ? service.tool_template : service.chat_template;
  if (!chosen)
    return field_error(
        ErrorCode::unsupported, "messages",
        service.info.name + " has no chat template: /v1/completions continues texts");
  text::ChatRequest conversation;
  Json messages = request.messages;
  if (shows_tools)
    conversation.tools = dump(request.tools.tools);
  else if (!request.tools.tools.empty())
    add_to_system(messages, generate::tool_instructions(request.tools.read));
  conversation.messages = dump(messages);
  if (request.variables.is_object()) conversation.variables = dump(request.variables);
  conversation.add_generation_prompt = !request.continues;
  conversation.continue_final_message = request.continues;
  auto text = chosen->render(conversation);
  if (!text.ok()) return field_error(ErrorCode::invalid_argument, "messages", text.error().message);
  return service.tokenizer.encode(*text, false).in("messages");
}

Status constrain(const Service& service, ChatRequest& request) {
  const ToolUse& use = request.tools;
  generate::Options& options = request.answer.options;
  std::string field = use.format_field;
  options.constraint = use.format;
  if (!use.tools.empty()) {
    field = "tools";
    ANEMONE_TRY(options.constraint,
                generate::tool_constraint(service.dialect, use.read, use.choice).in(field));
    options.shown_tokens = service.dialect.tokens();
  }
  if (options.constraint.kind == generate::Constraint::Kind::none) return {};
  if (service.compiler == nullptr || !service.info.gives_logits)
    return field_error(ErrorCode::unsupported, field,
                       service.info.name +
                           " cannot be kept to a form: it gives no logits, or its "
                           "tokens are no pieces of text");
  if (request.top_logprobs >= 0)
    return field_error(ErrorCode::unsupported, "logprobs",
                       "are not known of tokens that a form leaves no choice about");
  const Status compiled = service.compiler->check(options.constraint);
  if (!compiled.ok())
    return field_error(ErrorCode::invalid_argument, field, compiled.error().message);
  options.compiler = service.compiler;
  return {};
}

const char* finish_reason(generate::StopReason reason) {
  switch (reason) {
    case generate::StopReason::max_tokens:
    case generate::StopReason::context_full:
      return "length";
    default:
      return "stop";
  }
}

Result<std::unique_ptr<Exchange>> ChatExchange::start(const Service& service, ChatRequest request) {
  ANEMONE_RETURN_IF_ERROR(service.check_model(request.model));
  ANEMONE_RETURN_IF_ERROR(constrain(service, request));
  ANEMONE_TRY(auto prompt, render_prompt(service, request));
  std::unique_ptr<ChatExchange> exchange(new ChatExchange(service, request));
  ANEMONE_RETURN_IF_ERROR(service.add_work(request.answer, std::move(prompt), request.top_logprobs,
                                           false, exchange->work_));
  return std::unique_ptr<Exchange>(std::move(exchange));
}

ChatExchange::ChatExchange(const Service& service, const ChatRequest& request)
    : service_(service),
      id_(new_id("chatcmpl-")),
      created_s_(unix_time_s()),
      tells_logprobs_(request.top_logprobs >= 0),
      include_usage_(request.answer.include_usage) {
  for (int64_t i = 0; i < request.answer.choices; ++i)
    choices_.push_back({generate::ToolReader(service.dialect, request.tools.read), {}, {}});
  streams_ = request.answer.streams;
}

Json ChatExchange::head(const char* object) const {
  return {{"id", id_},
          {"object", object},
          {"created", created_s_},
          {"model", service_.model_names().front()},
          {"system_fingerprint", service_.info.hash.empty() ? Json() : Json(service_.info.hash)}};
}

Json ChatExchange::logprobs(const std::vector<TokenLogprobs>& tokens) const {
  return tells_logprobs_ ? chat_logprobs(service_.tokenizer, tokens) : Json();
}

std::string ChatExchange::chunk(size_t index, Json delta, const std::vector<TokenLogprobs>& tokens,
                                const std::string& finish) {
  Json json = head("chat.completion.chunk");
  json["choices"] = Json::array({{{"index", index},
                                  {"delta", std::move(delta)},
                                  {"logprobs", tokens.empty() ? Json() : logprobs(tokens)},
                                  {"finish_reason", finish.empty() ? Json() : Json(finish)}}});
  if (include_usage_) json["usage"] = nullptr;
  return event_of(json);
}

std::string ChatExchange::begin() {
  std::string events;
  for (size_t i = 0; streams_ && i < choices_.size(); ++i)
    events += chunk(i, {{"role", "assistant"}, {"content", ""}}, {}, "");
  return events;
}

std::string ChatExchange::chunks(size_t index, const std::vector<generate::ToolDelta>& deltas,
                                 const std::vector<TokenLogprobs>& tokens) {
  using Kind = generate::ToolDelta::Kind;
  std::string events;
  if (deltas.empty() && !tokens.empty()) events = chunk(index, {{"content", ""}}, tokens, "");
  for (const generate::ToolDelta& delta : deltas) {
    Json json;
    if (delta.kind == Kind::content) {
      json["content"] = delta.text;
    } else {
      Json call = {{"index", delta.call}};
      if (delta.kind == Kind::call) {
        call["id"] = new_id("call_");
        call["type"] = "function";
        call["function"] = {{"name", delta.text}, {"arguments", ""}};
      } else {
        call["function"] = {{"arguments", delta.text}};
      }
      json["tool_calls"] = Json::array({std::move(call)});
    }
    events +=
        chunk(index, std::move(json), events.empty() ? tokens : std::vector<TokenLogprobs>(), "");
  }
  return events;
}

std::string ChatExchange::piece(size_t index, Piece piece) {
  Choice& choice = choices_[index];
  const auto deltas = choice.reader.feed(piece.text);
  if (streams_) return chunks(index, deltas, piece.tokens);
  choice.tokens.insert(choice.tokens.end(), std::make_move_iterator(piece.tokens.begin()),
                       std::make_move_iterator(piece.tokens.end()));
  return {};
}

std::string ChatExchange::outcome(size_t index, const generate::Generation& generation) {
  usage_.add(generation, index > 0);
  Choice& choice = choices_[index];
  const auto deltas = choice.reader.finish();
  choice.finish_reason = finish_reason(generation.stop);
  if (choice.finish_reason == "stop" && !choice.reader.answer().calls.empty())
    choice.finish_reason = "tool_calls";
  if (!streams_) return {};
  return chunks(index, deltas, {}) + chunk(index, Json::object(), {}, choice.finish_reason);
}

Json ChatExchange::message(const Choice& choice) const {
  const generate::ToolAnswer& answer = choice.reader.answer();
  Json json = {{"role", "assistant"}, {"content", answer.content}, {"refusal", nullptr}};
  if (answer.calls.empty()) return json;
  if (answer.content.empty()) json["content"] = nullptr;
  for (const generate::ToolCall& call : answer.calls)
    json["tool_calls"].push_back(
        {{"id", new_id("call_")},
         {"type", "function"},
         {"function", {{"name", call.name}, {"arguments", call.arguments_json}}}});
  return json;
}

std::string ChatExchange::finish() {
  if (streams_) {
    std::string events;
    if (include_usage_) {
      Json json = head("chat.completion.chunk");
      json["choices"] = Json::array();
      json["usage"] = usage_.chat_json();
      events = event_of(json);
    }
    return events + std::string(kStreamEnd);
  }
  Json json = head("chat.completion");
  json["choices"] = Json::array();
  for (size_t i = 0; i < choices_.size(); ++i) {
    const Choice& choice = choices_[i];
    json["choices"].push_back({{"index", i},
                               {"message", message(choice)},
                               {"logprobs", logprobs(choice.tokens)},
                               {"finish_reason", choice.finish_reason}});
  }
  json["usage"] = usage_.chat_json();
  return dump(json);
}

}  // namespace anemone::serve
