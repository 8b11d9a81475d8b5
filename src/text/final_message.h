#pragma once

#include <string>
#include <string_view>

#include "anemone/result.h"

namespace anemone::text {

/// How transformers continues the last message of a conversation: a mark is put behind its text,
/// the conversation is rendered, and what was rendered is cut at the mark.
struct MarkedMessages {
  std::string json;           ///< the messages with the mark.
  std::string final_message;  ///< the last message's own text.
};

/// Errors: invalid_argument (the last message has no text).
Result<MarkedMessages> mark_final_message(std::string_view messages);

/// Errors: mismatch (the template changed or left out the message).
Result<std::string> cut_at_mark(std::string rendered, std::string_view final_message);

}  // namespace anemone::text
