#include "serve/documents/tool_use.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/documents/schema_bounds.h"

namespace anemone::serve {
namespace {

using generate::Constraint;
using generate::ToolChoice;

/// A tool of either interface as {"type": "function", "function": {…}}.
Json nested(const Json& tool) {
  if (!tool.is_object() || tool.contains("function")) return tool;
  Json function = tool;
  function.erase("type");
  return {{"type", tool.value("type", Json())}, {"function", std::move(function)}};
}

void read_tools(Fields& fields, ToolUse& use) {
  const Json* const tools = fields.find("tools");
  if (tools == nullptr) return;
  if (!tools->is_array()) return fields.fault("tools", "is no list");
  SchemaBounds bounds;
  for (const Json& tool : *tools) {
    const bool is_function = tool.is_object() && tool.value("type", Json()) == "function";
    if (!is_function)
      return fields.fault("tools", "holds something that is no function", ErrorCode::unsupported);
    if (const Status small = bounds.add(tool); !small.ok())
      return fields.fault("tools", small.error().message);
    use.tools.push_back(nested(tool));
  }
  if (use.tools.empty()) return;
  auto read = generate::read_tools(dump(use.tools));
  if (!read.ok()) return fields.fault("tools", read.error().message);
  use.read = *std::move(read);
}

void read_choice(Fields& fields, ToolUse& use) {
  use.choice.parallel = fields.truth("parallel_tool_calls", true);
  const Json* const choice = fields.find("tool_choice");
  if (choice == nullptr) return;
  if (choice->is_object()) {
    const Json& from = choice->contains("function") ? (*choice)["function"] : *choice;
    const Json name = from.is_object() ? from.value("name", Json()) : Json();
    if (choice->value("type", Json()) != "function" || !name.is_string())
      return fields.fault("tool_choice", "is an object that names no function",
                          ErrorCode::unsupported);
    use.choice.kind = ToolChoice::Kind::named;
    use.choice.name = name.get<std::string>();
  } else if (*choice == "none") {
    use.choice.kind = ToolChoice::Kind::none;
  } else if (*choice == "required") {
    use.choice.kind = ToolChoice::Kind::required;
  } else if (*choice != "auto") {
    return fields.fault("tool_choice",
                        "is neither none, auto, required nor an object that names a function");
  }
  const bool must_call =
      use.choice.kind == ToolChoice::Kind::required || use.choice.kind == ToolChoice::Kind::named;
  const auto named = [&](const generate::Tool& tool) { return tool.name == use.choice.name; };
  if (must_call && use.tools.empty())
    fields.fault("tool_choice", "asks for a call and there are no tools");
  else if (use.choice.kind == ToolChoice::Kind::named && std::ranges::none_of(use.read, named))
    fields.fault("tool_choice", fmt::format("names {}, which is no tool", use.choice.name));
}

/// {"type": "json_schema", "json_schema": {"schema", …}} or with the schema's fields beside the
/// type.
void read_format(Fields& fields, const Json& format, std::string_view field, ToolUse& use) {
  const Json type = format.is_object() ? format.value("type", Json()) : Json();
  use.format_field = field;
  if (type == "text") return;
  if (type == "json_object") {
    use.format.kind = Constraint::Kind::json_object;
    return;
  }
  if (type != "json_schema")
    return fields.fault(field, "has a type other than text, json_object and json_schema",
                        ErrorCode::unsupported);
  const Json& from = format.contains("json_schema") ? format["json_schema"] : format;
  Json schema = from.is_object() ? from.value("schema", Json()) : Json();
  if (!schema.is_object()) return fields.fault(field, "has no schema that is an object");
  if (const Status small = SchemaBounds().add(schema); !small.ok())
    return fields.fault(field, small.error().message);
  use.format_field = std::string(field) + (&from == &format ? ".schema" : ".json_schema.schema");
  use.format.kind = Constraint::Kind::json_schema;
  // What cannot be enforced of a schema is an error where the client insists on it.
  if (!schema.contains("x-guidance")) schema["x-guidance"] = Json::object();
  if (Json& options = schema["x-guidance"]; options.is_object() && !options.contains("lenient"))
    options["lenient"] = from.value("strict", Json()) != true;
  use.format.text = dump(schema);
}

}  // namespace

ToolUse read_tool_use(Fields& fields, const Json* format, std::string_view field) {
  ToolUse use;
  read_tools(fields, use);
  read_choice(fields, use);
  if (format != nullptr) read_format(fields, *format, field, use);
  if (use.choice.kind == ToolChoice::Kind::none) {
    use.tools = Json::array();
    use.read.clear();
  }
  if (!use.tools.empty() && use.format.kind != Constraint::Kind::none)
    fields.fault(field,
                 "cannot be asked for together with tools, whose calls have a form of their own",
                 ErrorCode::unsupported);
  return use;
}

}  // namespace anemone::serve
