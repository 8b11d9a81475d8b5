#include "anemone/conversation.h"

#include <nlohmann/json.hpp>

#include "anemone/tool_calls.h"
#include "base/error.h"
#include "base/json_document.h"

namespace anemone::generate {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr size_t kMostDepth = 64;
constexpr size_t kMostKeys = 1024;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// As a template shows calls of earlier answers; some want ids of nine letters and digits.
Json calls_json(const ToolAnswer& answer, size_t place) {
  Json calls = Json::array();
  for (size_t i = 0; i < answer.calls.size(); ++i)
    calls.push_back(
        {{"id", fmt::format("c{:05}{:03}", place % 100'000, i % 1'000)},
         {"type", "function"},
         {"function",
          {{"name", answer.calls[i].name},
           {"arguments", Json::parse(answer.calls[i].arguments_json, nullptr, false)}}}});
  return calls;
}

Status check_messages(const Json& messages) {
  if (!messages.is_array())
    return fail(ErrorCode::corrupt, "messages is no list: this is no saved conversation");
  for (size_t i = 0; i < messages.size(); ++i)
    if (!messages[i].is_object() || !messages[i].contains("role") ||
        !messages[i]["role"].is_string() || !messages[i].contains("content"))
      return fail(ErrorCode::corrupt, "messages[{}] has no role and content", i);
  return {};
}

}  // namespace

struct Conversation::State {
  lm::LanguageModel& model;
  const text::Tokenizer& tokenizer;
  Options options;
  text::ChatTemplate chat_template;
  std::unique_ptr<PromptCache> own_cache;
  Json messages = Json::array();
  ToolDialect dialect;
  Json tools = Json::array();
  std::vector<Tool> tool_list;

  Result<std::vector<int32_t>> prompt() const {
    text::ChatRequest request;
    request.messages = dump(tool_list.empty() || dialect.in_template ? messages : with_tools());
    if (!tools.empty() && dialect.in_template) request.tools = dump(tools);
    request.add_generation_prompt = true;
    ANEMONE_TRY(const std::string text, chat_template.render(request));
    return tokenizer.encode(text, false);
  }

  Result<Generation> answer(const TextSink& sink) {
    ANEMONE_TRY(const auto ids, prompt());
    if (static_cast<int64_t>(ids.size()) > model.info().context_length)
      return with_hint(fail(ErrorCode::out_of_range,
                            "the conversation has {} tokens, the context of {} holds {}",
                            ids.size(), model.info().name, model.info().context_length),
                       "begin a new one");
    ANEMONE_TRY(auto generation, generate(model, tokenizer, ids, options, sink));
    Json message = {{"role", "assistant"}, {"content", generation.text}};
    if (!tool_list.empty()) {
      const ToolAnswer answer = read_tool_answer(dialect, tool_list, generation.text);
      if (!answer.calls.empty()) {
        message["content"] = answer.content;
        message["tool_calls"] = calls_json(answer, messages.size());
      }
    }
    messages.push_back(std::move(message));
    return generation;
  }

  /// The messages, of which the first tells the model of the tools.
  Json with_tools() const {
    Json told = messages;
    if (told.empty() || told[0]["role"] != "system")
      told.insert(told.begin(), Json{{"role", "system"}, {"content", ""}});
    Json& content = told[0]["content"];
    std::string words = content.is_string() ? content.get<std::string>() : std::string();
    if (!words.empty()) words += "\n\n";
    content = words + tool_instructions(tool_list);
    return told;
  }

  Status set_tools(std::string_view tools_json) {
    std::vector<Tool> list;
    if (!tools_json.empty()) {
      ANEMONE_TRY(list, read_tools(tools_json));
    }
    tools = tools_json.empty() ? Json(Json::array()) : Json::parse(tools_json, nullptr, false);
    tool_list = std::move(list);
    options.shown_tokens = tool_list.empty() ? std::vector<int32_t>() : dialect.tokens();
    return {};
  }
};

Conversation::Conversation(std::unique_ptr<State> state) : state_(std::move(state)) {}
Conversation::Conversation(Conversation&&) noexcept = default;
Conversation& Conversation::operator=(Conversation&&) noexcept = default;
Conversation::~Conversation() = default;

Result<Conversation> Conversation::start(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                                         const Options& options, std::string system,
                                         std::string tools) {
  ANEMONE_TRY(auto chat_template, text::ChatTemplate::of(tokenizer, {}, !tools.empty()));
  auto state =
      std::make_unique<State>(State{model, tokenizer, options, std::move(chat_template), nullptr});
  state->dialect = ToolDialect::of(tokenizer);
  if (options.cache == nullptr && model.saved_token_bytes() > 0) {
    ANEMONE_TRY(state->own_cache, PromptCache::open(model, {}));
    state->options.cache = state->own_cache.get();
  }
  Conversation conversation(std::move(state));
  conversation.set_system(std::move(system));
  ANEMONE_RETURN_IF_ERROR(conversation.set_tools(std::move(tools)));
  return conversation;
}

Result<Generation> Conversation::say(std::string_view text, const TextSink& sink) {
  state_->messages.push_back({{"role", "user"}, {"content", std::string(text)}});
  auto generation = state_->answer(sink);
  if (!generation.ok()) state_->messages.erase(state_->messages.size() - 1);
  return generation;
}

Result<Generation> Conversation::again(const TextSink& sink) {
  Json& messages = state_->messages;
  if (messages.empty() || messages.back()["role"] != "assistant")
    return fail(ErrorCode::invalid_argument, "there is no answer yet");
  Json last = messages.back();
  messages.erase(messages.size() - 1);
  ++state_->options.sampling.seed;
  auto generation = state_->answer(sink);
  if (!generation.ok()) messages.push_back(std::move(last));
  return generation;
}

void Conversation::set_system(std::string system) {
  Json& messages = state_->messages;
  if (!messages.empty() && messages[0]["role"] == "system") messages.erase(0);
  if (!system.empty())
    messages.insert(messages.begin(), Json{{"role", "system"}, {"content", std::move(system)}});
}

Status Conversation::set_tools(std::string tools) { return state_->set_tools(tools); }

void Conversation::set_constraint(Constraint constraint) {
  state_->options.constraint = std::move(constraint);
}

void Conversation::clear() {
  Json& messages = state_->messages;
  const bool has_system = !messages.empty() && messages[0]["role"] == "system";
  messages.erase(messages.begin() + (has_system ? 1 : 0), messages.end());
}

int64_t Conversation::messages() const { return static_cast<int64_t>(state_->messages.size()); }

std::string Conversation::to_json() const {
  const Json json = {
      {"version", kVersion}, {"messages", state_->messages}, {"tools", state_->tools}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status Conversation::read(std::string_view text) {
  ANEMONE_RETURN_IF_ERROR(check_json_bounds(text, kMostDepth, kMostKeys));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("version") || json["version"] != kVersion)
    return fail(ErrorCode::corrupt, "this is no conversation of version {}", kVersion);
  const Json messages = json.value("messages", Json());
  const Json tools = json.value("tools", Json(Json::array()));
  ANEMONE_RETURN_IF_ERROR(check_messages(messages));
  if (!tools.is_array()) return fail(ErrorCode::corrupt, "tools is no list");
  if (Status status = state_->set_tools(tools.empty() ? "" : dump(tools)); !status.ok()) {
    Error error = std::move(status).error();
    error.code = ErrorCode::corrupt;
    return error;
  }
  state_->messages = messages;
  return {};
}

}  // namespace anemone::generate
