#pragma once

#include <string>
#include <variant>
#include <vector>

#include "serve/documents/answer_fields.h"

namespace anemone::serve {

/// What /v1/completions asks for.
struct CompletionRequest {
  using Prompt = std::variant<std::string, std::vector<int32_t>>;
  AnswerFields answer;
  std::string model;
  std::vector<Prompt> prompts;  ///< at least one.
  bool echo = false;            ///< the prompt stands before the answer, in text and logprobs.
  int64_t top_logprobs = -1;    ///< as in ChatRequest.
};

/// Errors: as read_chat_request.
Result<CompletionRequest> read_completion_request(const Json& body,
                                                  const generate::Options& defaults);

}  // namespace anemone::serve
