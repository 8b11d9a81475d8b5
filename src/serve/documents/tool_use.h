#pragma once

#include <string>
#include <vector>

#include "anemone/constraint.h"
#include "anemone/tool_calls.h"
#include "serve/documents/fields.h"

namespace anemone::serve {

/// The tools of a request and the form its answer must have.
struct ToolUse {
  Json tools = Json::array();        ///< as chat templates expect them; empty: none may be called.
  std::vector<generate::Tool> read;  ///< the same, for who reads calls.
  generate::ToolChoice choice;
  generate::Constraint format;  ///< of an answer without calls.
  std::string format_field;     ///< where the request says it.
};

/// Reads tools, tool_choice and parallel_tool_calls, and `format`, the field of name `field`, if it
/// is there.
ToolUse read_tool_use(Fields& fields, const Json* format, std::string_view field);

}  // namespace anemone::serve
