#include "anemone/conversation.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_document.h"
#include "base/utf8.h"

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

bool has_text(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) && json[key].is_string();
}

bool is_role(const Json& message, const char* role) { return message["role"] == role; }

bool has_calls(const Json& message) {
  return message.contains("tool_calls") && !message["tool_calls"].is_null();
}

/// The calls of an answer that wait for results.
class WaitingCalls {
 public:
  WaitingCalls() = default;
  explicit WaitingCalls(const Json& answer) {
    if (!has_calls(answer)) return;
    for (const Json& call : answer["tool_calls"]) {
      by_id_.emplace(call["id"].get_ref<const std::string&>(), calls_.size());
      calls_.push_back(&call);
    }
  }

  /// The first of this id has its result; false: none waits.
  bool end(std::string_view id) {
    const auto found = by_id_.lower_bound(id);
    if (found == by_id_.end() || found->first != id) return false;
    calls_[found->second] = nullptr;
    by_id_.erase(found);
    return true;
  }

  /// In the order of the answer.
  std::vector<const Json*> calls() const {
    std::vector<const Json*> waiting = calls_;
    std::erase(waiting, nullptr);
    return waiting;
  }

 private:
  std::vector<const Json*> calls_;  ///< null: has its result.
  std::multimap<std::string_view, size_t> by_id_;
};

/// Calls of the last answer, behind which there is nothing but results of some.
std::vector<const Json*> waiting_in(const Json& messages) {
  size_t answer = messages.size();
  while (answer > 0 && is_role(messages[answer - 1], "tool")) --answer;
  if (answer == 0) return {};
  WaitingCalls waiting(messages[answer - 1]);
  for (size_t i = answer; i < messages.size(); ++i)
    waiting.end(messages[i]["tool_call_id"].get_ref<const std::string&>());
  return waiting.calls();
}

Status check_calls(const Json& calls, size_t message) {
  if (!calls.is_array())
    return fail(ErrorCode::corrupt, "messages[{}].tool_calls is no list", message);
  for (size_t i = 0; i < calls.size(); ++i)
    if (!has_text(calls[i], "id") || !calls[i].contains("function") ||
        !has_text(calls[i]["function"], "name") || !calls[i]["function"].contains("arguments"))
      return fail(ErrorCode::corrupt, "messages[{}].tool_calls[{}] has no id, name and arguments",
                  message, i);
  return {};
}

/// That messages[at] is the result of a call which has none yet.
Status check_result(const Json& messages, size_t at, WaitingCalls& waiting) {
  const Json& result = messages[at];
  if (!has_text(result, "content") || !has_text(result, "tool_call_id"))
    return fail(ErrorCode::corrupt, "messages[{}] is a result without content and tool_call_id",
                at);
  if (result.contains("name") && !result["name"].is_null() && !result["name"].is_string())
    return fail(ErrorCode::corrupt, "messages[{}] is a result whose name is no text", at);
  const auto& id = result["tool_call_id"].get_ref<const std::string&>();
  if (waiting.end(id)) return {};
  return fail(ErrorCode::corrupt, "messages[{}] is the result of '{}', which no call waits for", at,
              id);
}

bool is_known_role(const Json& role) {
  constexpr const char* kRoles[] = {"system", "developer", "user", "assistant", "tool"};
  return std::ranges::any_of(kRoles, [&](const char* known) { return role == known; });
}

Status check_messages(const Json& messages) {
  if (!messages.is_array())
    return fail(ErrorCode::corrupt, "messages is no list: this is no saved conversation");
  WaitingCalls waiting;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!has_text(messages[i], "role") || !messages[i].contains("content"))
      return fail(ErrorCode::corrupt, "messages[{}] has no role and content", i);
    if (!is_known_role(messages[i]["role"]))
      return fail(ErrorCode::corrupt, "messages[{}] has the role '{}', which there is not", i,
                  messages[i]["role"].get<std::string>());
    if (has_calls(messages[i]) && !is_role(messages[i], "assistant"))
      return fail(ErrorCode::corrupt, "messages[{}] has calls, but is not the assistant's", i);
    if (has_calls(messages[i])) ANEMONE_RETURN_IF_ERROR(check_calls(messages[i]["tool_calls"], i));
    if (!is_role(messages[i], "tool")) {
      waiting = WaitingCalls(messages[i]);
      continue;
    }
    ANEMONE_RETURN_IF_ERROR(check_result(messages, i, waiting));
  }
  return {};
}

/// In OpenAI's documents the arguments of a call are a text, in ours the object that it holds.
Status read_arguments(Json& messages) {
  for (Json& message : messages) {
    if (!has_calls(message)) continue;
    for (Json& call : message["tool_calls"]) {
      Json& arguments = call["function"]["arguments"];
      if (!arguments.is_string()) continue;
      const auto& text = arguments.get_ref<const std::string&>();
      ANEMONE_RETURN_IF_ERROR(check_json_bounds(text, kMostDepth, kMostKeys));
      if (Json object = Json::parse(text, nullptr, false); object.is_object())
        arguments = std::move(object);
    }
  }
  return {};
}

/// In OpenAI's documents the developer is what templates call the system.
void rename_developer(Json& messages) {
  for (Json& message : messages)
    if (is_role(message, "developer")) message["role"] = "system";
}

/// Calls and their results as a model sees them whose template knows neither: calls in the words of
/// the answer, results of one answer together in a message of the user.
Json in_words(const Json& messages) {
  Json told = Json::array();
  for (size_t i = 0; i < messages.size(); ++i) {
    Json message = messages[i];
    if (has_calls(message)) {
      std::string words =
          message["content"].is_string() ? message["content"].get<std::string>() : "";
      for (const Json& call : message["tool_calls"])
        words += (words.empty() ? "" : "\n") + dump(call["function"]);
      message["content"] = words;
      message.erase("tool_calls");
    }
    if (is_role(message, "tool")) {
      const std::string name =
          has_text(message, "name") ? message["name"].get<std::string>() : std::string();
      const std::string words = fmt::format("Result of {}: {}", name.empty() ? "the call" : name,
                                            message["content"].get<std::string>());
      if (i > 0 && is_role(messages[i - 1], "tool")) {
        Json& before = told.back()["content"];
        before = before.get<std::string>() + "\n" + words;
        continue;
      }
      message = {{"role", "user"}, {"content", words}};
    }
    told.push_back(std::move(message));
  }
  return told;
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
    request.messages = dump(dialect.in_template ? messages : with_tools());
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

  /// The messages in words alone, of which the first tells the model of the tools.
  Json with_tools() const {
    Json told = in_words(messages);
    if (tool_list.empty()) return told;
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
  size_t answer = messages.size();
  const bool goes_on = answer > 0 && is_role(messages.back(), "tool") && waiting_calls().empty();
  if (!goes_on) {
    while (answer > 0 && is_role(messages[answer - 1], "tool")) --answer;
    if (answer == 0 || !is_role(messages[answer - 1], "assistant"))
      return fail(ErrorCode::invalid_argument, "there is no answer yet");
    --answer;
  }
  Json before = messages;
  messages.erase(messages.begin() + static_cast<ptrdiff_t>(answer), messages.end());
  ++state_->options.sampling.seed;
  auto generation = state_->answer(sink);
  if (!generation.ok()) messages = std::move(before);
  return generation;
}

std::vector<ToolCall> Conversation::waiting_calls() const {
  std::vector<ToolCall> waiting;
  for (const Json* call : waiting_in(state_->messages)) {
    const Json& function = (*call)["function"];
    waiting.push_back({function["name"].get<std::string>(), dump(function["arguments"])});
  }
  return waiting;
}

Status Conversation::give_result(std::string_view content) {
  Json& messages = state_->messages;
  if (!is_utf8(content)) return fail(ErrorCode::invalid_argument, "the result is not UTF-8");
  const auto waiting = waiting_in(messages);
  if (waiting.empty())
    return with_hint(fail(ErrorCode::invalid_argument, "no call waits for a result"),
                     "the model calls tools that it was offered");
  const Json& call = *waiting.front();
  Json result = {{"role", "tool"},
                 {"tool_call_id", call["id"]},
                 {"name", call["function"]["name"]},
                 {"content", std::string(content)}};
  messages.push_back(std::move(result));
  return {};
}

Result<Generation> Conversation::go_on(const TextSink& sink) {
  Json& messages = state_->messages;
  if (const auto waiting = waiting_calls(); !waiting.empty())
    return fail(ErrorCode::invalid_argument, "{} {} for a result", waiting[0].name,
                waiting.size() > 1 ? "and other calls wait" : "waits");
  if (messages.empty() || !is_role(messages.back(), "tool"))
    return fail(ErrorCode::invalid_argument, "there is no result to go on from");
  auto answer = state_->answer(sink);
  if (answer.ok() || answer.error().code != ErrorCode::out_of_range) return answer;
  while (is_role(messages.back(), "tool")) messages.erase(messages.size() - 1);
  return with_hint(std::move(answer).error(),
                   "every call waits for its result again: give shorter ones, or begin a new "
                   "conversation");
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
  Json messages = json.value("messages", Json());
  const Json tools = json.value("tools", Json(Json::array()));
  ANEMONE_RETURN_IF_ERROR(check_messages(messages));
  rename_developer(messages);
  ANEMONE_RETURN_IF_ERROR(read_arguments(messages));
  if (!tools.is_array()) return fail(ErrorCode::corrupt, "tools is no list");
  if (Status status = state_->set_tools(tools.empty() ? "" : dump(tools)); !status.ok()) {
    Error error = std::move(status).error();
    error.code = ErrorCode::corrupt;
    return error;
  }
  state_->messages = std::move(messages);
  return {};
}

}  // namespace anemone::generate
