#include "serve/chat_exchange.h"

#include "serve/documents/messages.h"
#include "serve/token_texts.h"

namespace anemone::serve {
namespace {

constexpr const char* kChunk = "chat.completion.chunk";

/// What rendering or compiling `field` of the request ran into, as the client's fault; what the
/// bridge cannot do (it panicked) is not.
Error own_fault(Error error, std::string field) {
  if (error.code == ErrorCode::unsupported) error.code = ErrorCode::io;
  if (error.code == ErrorCode::io) return error;
  return field_error(ErrorCode::invalid_argument, std::move(field), std::move(error.message));
}

}  // namespace

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
  if (!text.ok()) return own_fault(std::move(text).error(), "messages");
  return service.tokenizer.encode(*text, false).in("messages");
}

Status constrain(const Service& service, ChatRequest& request) {
  const ToolUse& use = request.tools;
  generate::Options& options = request.answer.options;
  std::string& field = request.answer.form_field;
  field = use.format_field;
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
  auto checked = service.compiler->check(options.constraint);
  if (!checked.ok()) return own_fault(std::move(checked).error(), field);
  options.checked = *std::move(checked);
  options.compiler = service.compiler;
  return {};
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
    : ChoicesExchange(service, "chatcmpl-", request.model, request.answer, request.top_logprobs) {
  for (int64_t i = 0; i < request.answer.choices; ++i)
    choices_.push_back({generate::ToolReader(service.dialect, request.tools.read), {}, {}, {}, {}});
}

Json ChatExchange::logprobs(const std::vector<TokenLogprobs>& tokens) const {
  return tells_logprobs_ ? chat_logprobs(service_.tokenizer, tokens) : Json();
}

std::string ChatExchange::chunk(size_t index, Json delta, const std::vector<TokenLogprobs>& tokens,
                                const std::string& finish) {
  return ChoicesExchange::chunk(
      kChunk, Json::array({{{"index", index},
                            {"delta", std::move(delta)},
                            {"logprobs", tokens.empty() ? Json() : logprobs(tokens)},
                            {"finish_reason", finish.empty() ? Json() : Json(finish)}}}));
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

void ChatExchange::add(Choice& choice, const std::vector<generate::ToolDelta>& deltas) const {
  using Kind = generate::ToolDelta::Kind;
  for (const generate::ToolDelta& delta : deltas) {
    if (delta.kind == Kind::content)
      choice.content += delta.text;
    else if (delta.kind == Kind::call)
      choice.calls.push_back({delta.text, ""});
    else
      choice.calls.back().arguments_json += delta.text;
  }
}

std::string ChatExchange::piece(size_t index, Piece piece) {
  Choice& choice = choices_[index];
  const auto deltas = choice.reader.feed(piece.text);
  if (streams_) return chunks(index, deltas, piece.tokens);
  add(choice, deltas);
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
  add(choice, deltas);
  if (!streams_) return {};
  return chunks(index, deltas, {}) + chunk(index, Json::object(), {}, choice.finish_reason);
}

Json ChatExchange::message(const Choice& choice) const {
  Json json = {{"role", "assistant"}, {"content", choice.content}, {"refusal", nullptr}};
  if (choice.calls.empty()) return json;
  if (choice.content.empty()) json["content"] = nullptr;
  for (const generate::ToolCall& call : choice.calls)
    json["tool_calls"].push_back(
        {{"id", new_id("call_")},
         {"type", "function"},
         {"function", {{"name", call.name}, {"arguments", call.arguments_json}}}});
  return json;
}

std::string ChatExchange::finish() {
  if (streams_) return end(kChunk);
  Json choices = Json::array();
  for (size_t i = 0; i < choices_.size(); ++i) {
    const Choice& choice = choices_[i];
    choices.push_back({{"index", i},
                       {"message", message(choice)},
                       {"logprobs", logprobs(choice.tokens)},
                       {"finish_reason", choice.finish_reason}});
  }
  return document("chat.completion", std::move(choices));
}

}  // namespace anemone::serve
