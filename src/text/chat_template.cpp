#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>

#include "anemone/text.h"
#include "base/error.h"
#include "text/bridge_call.h"
#include "text/final_message.h"

namespace anemone::text {
namespace {

using Json = nlohmann::ordered_json;

enum class Kind : uint8_t { list, object };

/// `text` without blanks around it, after it was found to be JSON of that kind.
Result<std::string_view> checked_json(std::string_view text, const char* name, Kind kind) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  const char open = kind == Kind::list ? '[' : '{';
  if (first == std::string_view::npos || text[first] != open || !Json::accept(text))
    return fail(ErrorCode::invalid_argument, "{}: not a JSON {}", name,
                kind == Kind::list ? "list" : "object");
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

Result<std::string> optional_list(const std::string& text, const char* name) {
  if (text.empty()) return std::string("null");
  ANEMONE_TRY(const std::string_view list, checked_json(text, name, Kind::list));
  return std::string(list);
}

/// The inner text of an object followed by a comma; nothing for an empty object.
std::string members(std::string_view object) {
  const std::string_view inner = object.substr(1, object.size() - 2);
  if (inner.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  return fmt::format("{},", inner);
}

}  // namespace

struct ChatTemplate::State {
  BridgeTemplate bridge;
  std::string special_tokens;  ///< members of a JSON object, each followed by a comma.
};

WallClock WallClock::now() {
  const auto moment = std::chrono::system_clock::now();
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(moment.time_since_epoch()).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(moment);
  std::tm local{};
  localtime_r(&seconds, &local);
  return {local.tm_year + 1900,
          local.tm_mon + 1,
          local.tm_mday,
          local.tm_hour,
          local.tm_min,
          std::min(local.tm_sec, 59),
          static_cast<int>(micros % 1000000)};
}

Result<ChatTemplate> ChatTemplate::of(const Tokenizer& tokenizer, std::string_view name,
                                      bool with_tools) {
  const auto& templates = tokenizer.chat_templates();
  auto found = templates.end();
  if (!name.empty()) {
    found = templates.find(name);
  } else {
    if (with_tools) found = templates.find("tool_use");
    if (found == templates.end()) found = templates.find("default");
  }
  if (found != templates.end()) return compile(found->second, tokenizer);
  if (templates.empty())
    return with_hint(fail(ErrorCode::not_found, "the model has no chat template"),
                     "it continues text only: leave the chat out");
  std::vector<std::string_view> names;
  for (const auto& [known, source] : templates) names.push_back(known);
  return fail(ErrorCode::not_found, "no chat template is called {:?}; there are: {}",
              name.empty() ? "default" : name, fmt::join(names, ", "));
}

Result<ChatTemplate> ChatTemplate::compile(std::string_view source, const Tokenizer& tokenizer) {
  auto state = std::make_shared<State>();
  auto bridge = bridge_make<BridgeTemplate>([&](auto** handle, auto** error) {
    return anemone_bridge_template_new(ANEMONE_BRIDGE_DIALECT_CHAT, source.data(), source.size(),
                                       handle, error);
  });
  ANEMONE_TRY(state->bridge, std::move(bridge).in("chat template"));
  Json special = Json::object();
  for (const auto& [role, token] : tokenizer.special_tokens()) special[role] = token;
  for (const auto& [role, tokens] : tokenizer.special_token_lists()) special[role] = tokens;
  state->special_tokens = members(special.dump());
  return ChatTemplate(std::move(state));
}

Result<std::string> ChatTemplate::render(const ChatRequest& request) const {
  if (request.add_generation_prompt && request.continue_final_message)
    return fail(ErrorCode::invalid_argument,
                "add_generation_prompt and continue_final_message exclude each other");
  ANEMONE_TRY(const std::string_view list, checked_json(request.messages, "messages", Kind::list));
  ANEMONE_TRY(const std::string tools, optional_list(request.tools, "tools"));
  ANEMONE_TRY(const std::string documents, optional_list(request.documents, "documents"));
  std::string variables;
  if (!request.variables.empty()) {
    ANEMONE_TRY(const auto object, checked_json(request.variables, "variables", Kind::object));
    variables = members(object);
  }
  MarkedMessages messages{std::string(list), {}};
  if (request.continue_final_message) {
    ANEMONE_TRY(messages, mark_final_message(list));
  }
  // Of equal keys the last one counts: variables replace special tokens, nothing replaces the rest.
  const std::string context =
      fmt::format(R"({{{}{}"messages":{},"tools":{},"documents":{},"add_generation_prompt":{}}})",
                  state_->special_tokens, variables, messages.json, tools, documents,
                  request.add_generation_prompt);
  const WallClock clock = request.clock.value_or(WallClock::now());
  const anemone_bridge_clock bridge_clock{clock.year,   clock.month,  clock.day,        clock.hour,
                                          clock.minute, clock.second, clock.microsecond};
  auto rendered = bridge_text([&](auto* buffer, auto** error) {
    return anemone_bridge_template_render(state_->bridge.get(), context.data(), context.size(),
                                          &bridge_clock, nullptr, buffer, error);
  });
  if (!rendered.ok()) return std::move(rendered).in("chat template");
  if (!request.continue_final_message) return rendered;
  return cut_at_mark(std::move(rendered).value(), messages.final_message);
}

}  // namespace anemone::text
