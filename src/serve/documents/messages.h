#pragma once

#include "anemone/result.h"
#include "serve/documents/fields.h"

namespace anemone::serve {

/// The messages of a chat request as chat templates expect them: texts of several parts joined, the
/// role "developer" as "system", arguments of tool calls as objects, no null content. Errors:
/// invalid_argument, unsupported (parts that are no text).
Result<Json> read_messages(const Json& messages);

/// The same of `input` of /v1/responses: a text or a list of items, with `instructions` before
/// them.
Result<Json> read_input(const Json& input, const std::string& instructions);

/// One system message that says `text` too.
void add_to_system(Json& messages, const std::string& text);

}  // namespace anemone::serve
