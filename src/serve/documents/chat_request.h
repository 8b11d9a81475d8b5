#pragma once

#include <optional>
#include <string>

#include "serve/documents/answer_fields.h"
#include "serve/documents/tool_use.h"

namespace anemone::serve {

/// What /v1/chat/completions and /v1/responses ask for.
struct ChatRequest {
  AnswerFields answer;
  std::string model;  ///< empty: whichever is served.
  Json messages;      ///< as `read_messages` gives them.
  ToolUse tools;
  Json variables;             ///< further variables of the chat template, an object or null.
  bool continues = false;     ///< goes on with the last message.
  int64_t top_logprobs = -1;  ///< likeliest tokens told for each token; -1: nothing is told.

  /// What a response repeats, as the client wrote it.
  struct Asked {
    Json instructions;
    Json tool_choice = "auto";
    Json tools = Json::array();
    Json format = {{"type", "text"}};
  };
  Asked asked = {};  ///< of /v1/responses.
};

/// Errors: invalid_argument, unsupported (a field, its name the innermost frame).
Result<ChatRequest> read_chat_request(const Json& body, const generate::Options& defaults);
Result<ChatRequest> read_responses_request(const Json& body, const generate::Options& defaults);

}  // namespace anemone::serve
