#include "serve/documents/messages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace anemone::serve {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                    "tool"};

std::string element(std::string_view list, size_t index) {
  return fmt::format("{}[{}]", list, index);
}

/// A text, or parts of one.
Result<std::string> read_content(const Json* content, const std::string& field) {
  if (content == nullptr) return std::string();
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array())
    return field_error(
        ErrorCode::invalid_argument, field,
        fmt::format("is a {}, expected a string or a list of parts", content->type_name()));
  std::string text;
  for (size_t i = 0; i < content->size(); ++i) {
    const std::string where = element(field, i);
    Fields part((*content)[i], where + ".");
    const auto type = part.text("type");
    if (type != "text" && type != "input_text" && type != "output_text" && type != "refusal")
      return field_error(
          ErrorCode::unsupported, where + ".type",
          fmt::format("is {}: this model reads text only", type ? "'" + *type + "'" : "missing"));
    const auto words = part.text(type == "refusal" ? "refusal" : "text");
    part.ignore({"annotations", "logprobs"});
    ANEMONE_RETURN_IF_ERROR(part.finish());
    if (!words) return field_error(ErrorCode::invalid_argument, where, "has no text");
    text += *words;
  }
  return text;
}

/// Templates write arguments with `tojson`, so they want the object; what is none stays a string.
Json arguments_of(const std::string& text) {
  if (!parse_body(text).ok()) return text;
  return Json::parse(text, nullptr, false);
}

Result<Json> read_call(const Json& call, const std::string& where) {
  Fields fields(call, where + ".");
  const auto id = fields.text("id");
  const auto type = fields.text("type").value_or("function");
  fields.ignore({"index"});
  const Json* const function = fields.find("function");
  if (function == nullptr) fields.fault("function", "is missing");
  if (type != "function") fields.fault("type", "is not 'function'", ErrorCode::unsupported);
  ANEMONE_RETURN_IF_ERROR(fields.finish());
  Fields own(*function, where + ".function.");
  const auto name = own.text("name");
  if (!name) own.fault("name", "is missing");
  const auto arguments = own.text("arguments").value_or("{}");
  ANEMONE_RETURN_IF_ERROR(own.finish());
  Json json = {{"type", "function"},
               {"function", {{"name", *name}, {"arguments", arguments_of(arguments)}}}};
  if (id) json["id"] = *id;
  return json;
}

Result<Json> read_message(const Json& message, const std::string& where) {
  Fields fields(message, where + ".");
  auto role = fields.text("role").value_or("");
  if (std::ranges::find(kRoles, role) == kRoles.end())
    fields.fault("role", fmt::format("is '{}', expected {}", role, fmt::join(kRoles, ", ")));
  if (role == "developer") role = "system";
  Json json = {{"role", role}};
  const Json* const content = fields.find("content");
  const Json* const calls = fields.find("tool_calls");
  if (content == nullptr && calls == nullptr) fields.fault("content", "is missing");
  ANEMONE_TRY(json["content"], read_content(content, where + ".content"));
  for (const char* name : {"name", "tool_call_id", "reasoning_content"})
    if (const auto text = fields.text(name)) json[name] = *text;
  fields.refuse({"audio", "function_call"});
  fields.ignore({"refusal", "annotations", "type", "id", "status"});
  if (calls != nullptr) {
    if (!calls->is_array() || role != "assistant") {
      fields.fault("tool_calls", "is no list of an assistant's calls");
    } else {
      Json list = Json::array();
      for (size_t i = 0; i < calls->size(); ++i) {
        ANEMONE_TRY(Json call, read_call((*calls)[i], element(where + ".tool_calls", i)));
        list.push_back(std::move(call));
      }
      if (!list.empty()) json["tool_calls"] = std::move(list);
    }
  }
  ANEMONE_RETURN_IF_ERROR(fields.finish());
  return json;
}

std::string type_of(const Json& item) {
  if (!item.is_object() || !item.contains("type")) return "message";
  return item["type"].is_string() ? item["type"].get<std::string>() : "";
}

/// An item of /v1/responses: a message, a call of a function, or what came of one.
Result<Json> read_item(const Json& item, const std::string& where) {
  const std::string type = type_of(item);
  if (type == "message") return read_message(item, where);
  Fields fields(item, where + ".");
  fields.ignore({"type", "id", "status"});
  const auto call = fields.text("call_id");
  if (!call) fields.fault("call_id", "is missing");
  if (type == "function_call") {
    const auto name = fields.text("name");
    if (!name) fields.fault("name", "is missing");
    const auto arguments = fields.text("arguments").value_or("{}");
    ANEMONE_RETURN_IF_ERROR(fields.finish());
    return Json{
        {"role", "assistant"},
        {"content", ""},
        {"tool_calls",
         Json::array({{{"id", *call},
                       {"type", "function"},
                       {"function", {{"name", *name}, {"arguments", arguments_of(arguments)}}}}})}};
  }
  if (type != "function_call_output")
    return field_error(ErrorCode::unsupported, where + ".type",
                       fmt::format("is '{}', which this server does not know", type));
  const auto output = fields.text("output");
  if (!output) fields.fault("output", "is missing");
  ANEMONE_RETURN_IF_ERROR(fields.finish());
  return Json{{"role", "tool"}, {"content", *output}, {"tool_call_id", *call}};
}

}  // namespace

Result<Json> read_messages(const Json& messages) {
  if (!messages.is_array() || messages.empty())
    return field_error(ErrorCode::invalid_argument, "messages",
                       "is no list of at least one message");
  Json list = Json::array();
  for (size_t i = 0; i < messages.size(); ++i) {
    ANEMONE_TRY(Json message, read_message(messages[i], element("messages", i)));
    list.push_back(std::move(message));
  }
  return list;
}

Result<Json> read_input(const Json& input, const std::string& instructions) {
  Json list = Json::array();
  if (!instructions.empty()) list.push_back({{"role", "system"}, {"content", instructions}});
  if (input.is_string()) {
    list.push_back({{"role", "user"}, {"content", input}});
    return list;
  }
  if (!input.is_array() || input.empty())
    return field_error(ErrorCode::invalid_argument, "input", "is neither a text nor a list");
  for (size_t i = 0; i < input.size(); ++i) {
    ANEMONE_TRY(Json message, read_item(input[i], element("input", i)));
    list.push_back(std::move(message));
  }
  return list;
}

void add_to_system(Json& messages, const std::string& text) {
  if (!messages.empty() && messages[0]["role"] == "system") {
    std::string words = messages[0]["content"].get<std::string>();
    if (!words.empty()) words += "\n\n";
    messages[0]["content"] = words + text;
    return;
  }
  messages.insert(messages.begin(), Json{{"role", "system"}, {"content", text}});
}

}  // namespace anemone::serve
