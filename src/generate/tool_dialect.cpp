#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "anemone/tool_calls.h"
#include "base/error.h"
#include "base/json_document.h"

namespace anemone::generate {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostNameBytes = 64;
constexpr size_t kMostDepth = 64;
constexpr size_t kMostKeys = 1024;

/// Tokens that may be special, of all formats.
constexpr std::array kMarks = {
    std::string_view("<tool_call>"),  std::string_view("</tool_call>"),
    std::string_view("[TOOL_CALLS]"), std::string_view("[CALL_ID]"),
    std::string_view("[ARGS]"),       std::string_view("<|python_tag|>")};

std::string template_of(const text::Tokenizer& tokenizer) {
  const auto& templates = tokenizer.chat_templates();
  for (const char* name : {"tool_use", "default"})
    if (const auto found = templates.find(name); found != templates.end()) return found->second;
  return {};
}

ToolFormat format_of(std::string_view source) {
  const auto has = [&](std::string_view part) { return source.find(part) != source.npos; };
  // Between the same tags others write `<function=name>` and no JSON.
  if (has("<tool_call>") && !has("<function=")) return ToolFormat::hermes;
  if (has("[TOOL_CALLS]")) return ToolFormat::mistral;
  if (has("<|python_tag|>") || (has(R"({"name": )") && has(R"("parameters": )")))
    return ToolFormat::llama3;
  return ToolFormat::plain;
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kMostNameBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

Result<Tool> read_tool(const Json& json, const std::string& place) {
  const auto wrong = [&](std::string_view field, std::string_view expected) {
    return fail(ErrorCode::invalid_argument, "{}{} is not {}", place, field, expected);
  };
  if (!json.is_object()) return wrong("", "an object");
  if (json.contains("type") && json["type"] != "function") return wrong(".type", R"("function")");
  const bool nested = json.contains("function");
  const Json& function = nested ? json["function"] : json;
  const std::string inner = nested ? ".function" : "";
  if (!function.is_object()) return wrong(inner, "an object");
  const Json name = function.value("name", Json());
  Tool tool;
  if (name.is_string()) tool.name = name.get<std::string>();
  if (!is_name(tool.name))
    return wrong(inner + ".name", "1 to 64 letters, digits, '_', '-' or '.'");
  const Json description = function.value("description", Json(""));
  if (description.is_string()) tool.description = description.get<std::string>();
  Json parameters = function.value("parameters", Json());
  if (parameters.is_null() || parameters == Json::object()) parameters = {{"type", "object"}};
  if (!parameters.is_object()) return wrong(inner + ".parameters", "an object");
  tool.parameters_json = parameters.dump(-1, ' ', false, Json::error_handler_t::replace);
  const Json strict = function.value("strict", Json(false));
  if (!strict.is_boolean() && !strict.is_null()) return wrong(inner + ".strict", "true or false");
  tool.strict = strict == true;
  return tool;
}

}  // namespace

const char* to_string(ToolFormat format) {
  switch (format) {
    case ToolFormat::hermes:
      return "hermes";
    case ToolFormat::llama3:
      return "llama3";
    case ToolFormat::mistral:
      return "mistral";
    case ToolFormat::plain:
      return "plain";
  }
  return "unknown";
}

ToolDialect ToolDialect::of(const text::Tokenizer& tokenizer) {
  const std::string source = template_of(tokenizer);
  ToolDialect dialect;
  dialect.format = format_of(source);
  dialect.named_first =
      dialect.format == ToolFormat::mistral && source.find("[ARGS]") != std::string::npos;
  dialect.in_template = source.find("tools") != std::string::npos;
  for (const text::AddedToken& token : tokenizer.added_tokens())
    if (token.special && std::ranges::find(kMarks, token.content) != kMarks.end() &&
        source.find(token.content) != std::string::npos)
      dialect.marks.push_back({token.content, token.id});
  return dialect;
}

std::vector<int32_t> ToolDialect::tokens() const {
  std::vector<int32_t> tokens;
  for (const Mark& mark : marks) tokens.push_back(mark.token);
  return tokens;
}

Result<std::vector<Tool>> read_tools(std::string_view tools_json) {
  ANEMONE_RETURN_IF_ERROR(check_json_bounds(tools_json, kMostDepth, kMostKeys).in("tools"));
  const Json json = Json::parse(tools_json, nullptr, false);
  if (!json.is_array())
    return with_hint(fail(ErrorCode::invalid_argument, "the tools are {}, expected a JSON list",
                          json.is_discarded() ? "no JSON" : json.type_name()),
                     R"(such as [{"type": "function", "function": {"name": ...}}])");
  std::vector<Tool> tools;
  std::set<std::string> names;
  for (size_t i = 0; i < json.size(); ++i) {
    ANEMONE_TRY(Tool tool, read_tool(json[i], fmt::format("tools[{}]", i)));
    if (!names.insert(tool.name).second)
      return fail(ErrorCode::invalid_argument, "tools[{}]: there is a tool {} already", i,
                  tool.name);
    tools.push_back(std::move(tool));
  }
  return tools;
}

std::string tool_instructions(std::span<const Tool> tools) {
  std::string text = "You may call these tools:\n";
  for (const Tool& tool : tools)
    text += Json({{"name", tool.name},
                  {"description", tool.description},
                  {"parameters", Json::parse(tool.parameters_json, nullptr, false)}})
                .dump(-1, ' ', false, Json::error_handler_t::replace) +
            "\n";
  return text +
         "To call one, answer with nothing but a JSON object {\"name\": the tool's name, "
         "\"arguments\": {its arguments}}; to call several, with a list of such objects. If no "
         "tool "
         "helps, answer in words.";
}

}  // namespace anemone::generate
