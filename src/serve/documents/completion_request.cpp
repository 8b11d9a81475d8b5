#include "serve/documents/completion_request.h"

#include <fmt/format.h>

#include <algorithm>

namespace anemone::serve {
namespace {

using Prompt = CompletionRequest::Prompt;

constexpr size_t kMostPrompts = 256;
constexpr int64_t kMostTopLogprobs = 20;
constexpr int64_t kUsualTokens = 16;  // of the OpenAI API

bool is_token(const Json& json) {
  return json.is_number_integer() && json.get<int64_t>() >= 0 && json.get<int64_t>() <= INT32_MAX;
}

bool is_token_list(const Json& json) {
  return json.is_array() && !json.empty() && std::ranges::all_of(json, is_token);
}

void read_prompts(Fields& fields, std::vector<Prompt>& prompts) {
  const Json* const prompt = fields.find("prompt");
  if (prompt == nullptr) return fields.fault("prompt", "is missing");
  const bool several = prompt->is_array() && !is_token_list(*prompt);
  const Json list = several ? *prompt : Json::array({*prompt});
  if (list.empty() || list.size() > kMostPrompts)
    return fields.fault("prompt",
                        fmt::format("has {} prompts, expected 1 to {}", list.size(), kMostPrompts));
  for (const Json& each : list) {
    if (each.is_string())
      prompts.emplace_back(each.get<std::string>());
    else if (is_token_list(each))
      prompts.emplace_back(each.get<std::vector<int32_t>>());
    else
      return fields.fault("prompt",
                          "is neither a text, a list of token ids, nor a list of such prompts");
  }
}

}  // namespace

Result<CompletionRequest> read_completion_request(const Json& body,
                                                  const generate::Options& defaults) {
  Fields fields(body);
  CompletionRequest request;
  request.model = fields.text("model").value_or("");
  request.answer = read_answer_fields(fields, defaults, {"max_tokens"});
  request.answer.usual_tokens = kUsualTokens;
  read_prompts(fields, request.prompts);
  request.echo = fields.truth("echo", false);
  request.top_logprobs = fields.whole("logprobs", 0, kMostTopLogprobs).value_or(-1);
  const auto best_of = fields.whole("best_of", 1, 16);
  if (best_of && *best_of != request.answer.choices)
    fields.fault("best_of", "differs from n", ErrorCode::unsupported);
  const auto suffix = fields.text("suffix");
  if (suffix && !suffix->empty())
    fields.fault("suffix", "is not supported by this server", ErrorCode::unsupported);
  fields.ignore({"user"});
  ANEMONE_RETURN_IF_ERROR(fields.finish());
  return request;
}

}  // namespace anemone::serve
