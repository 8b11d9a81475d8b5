#include "serve/documents/chat_request.h"

#include "serve/documents/messages.h"

namespace anemone::serve {
namespace {

constexpr int64_t kMostTopLogprobs = 20;

void read_logprobs(Fields& fields, ChatRequest& request) {
  const bool wanted = fields.truth("logprobs", false);
  const auto top = fields.whole("top_logprobs", 0, kMostTopLogprobs);
  if (top && !wanted) fields.fault("top_logprobs", "is given without logprobs");
  if (wanted) request.top_logprobs = top.value_or(0);
}

void read_template_fields(Fields& fields, ChatRequest& request) {
  if (const Json* const variables = fields.find("chat_template_kwargs")) {
    if (!variables->is_object()) fields.fault("chat_template_kwargs", "is no object");
    request.variables = *variables;
  }
  request.continues = fields.truth("continue_final_message", false);
  const bool begins = fields.truth("add_generation_prompt", !request.continues);
  if (begins == request.continues)
    fields.fault("add_generation_prompt", "must be the opposite of continue_final_message");
}

}  // namespace

Result<ChatRequest> read_chat_request(const Json& body, const generate::Options& defaults) {
  Fields fields(body);
  ChatRequest request;
  request.model = fields.text("model").value_or("");
  request.answer = read_answer_fields(fields, defaults, {"max_completion_tokens", "max_tokens"});
  read_logprobs(fields, request);
  read_template_fields(fields, request);
  request.tools = read_tool_use(fields, fields.find("response_format"), "response_format");
  // They say how others serve, store or bill a request.
  fields.ignore({"user", "metadata", "store", "service_tier", "safety_identifier",
                 "prompt_cache_key", "prompt_cache_retention"});
  fields.refuse({"audio", "functions", "function_call", "prediction", "reasoning_effort",
                 "verbosity", "web_search_options"});
  const Json* const modalities = fields.find("modalities");
  if (modalities != nullptr && *modalities != Json::array({"text"}))
    fields.fault("modalities", "is not [\"text\"]", ErrorCode::unsupported);
  const Json* const messages = fields.find("messages");
  if (messages == nullptr) fields.fault("messages", "is missing");
  ANEMONE_RETURN_IF_ERROR(fields.finish());
  ANEMONE_TRY(request.messages, read_messages(*messages));
  return request;
}

Result<ChatRequest> read_responses_request(const Json& body, const generate::Options& defaults) {
  Fields fields(body);
  ChatRequest request;
  request.model = fields.text("model").value_or("");
  request.answer = read_answer_fields(fields, defaults, {"max_output_tokens"});
  if (request.answer.choices != 1) fields.fault("n", "is not 1", ErrorCode::unsupported);
  const std::string instructions = fields.text("instructions").value_or("");
  const Json* format = nullptr;
  if (const Json* const text = fields.find("text")) {
    Fields own(*text, "text.");
    format = own.find("format");
    own.refuse({"verbosity"});
    ANEMONE_RETURN_IF_ERROR(own.finish());
  }
  request.tools = read_tool_use(fields, format, "text.format");
  if (!instructions.empty()) request.asked.instructions = instructions;
  if (const Json* const choice = fields.find("tool_choice")) request.asked.tool_choice = *choice;
  if (const Json* const tools = fields.find("tools")) request.asked.tools = *tools;
  if (format != nullptr) request.asked.format = *format;
  fields.ignore({"user", "metadata", "store", "service_tier", "safety_identifier",
                 "prompt_cache_key", "prompt_cache_retention"});
  fields.refuse({"background", "conversation", "include", "max_tool_calls", "previous_response_id",
                 "prompt", "reasoning", "top_logprobs"});
  const auto truncation = fields.text("truncation").value_or("disabled");
  if (truncation != "disabled")
    fields.fault("truncation", "is not 'disabled'", ErrorCode::unsupported);
  const Json* const input = fields.find("input");
  if (input == nullptr) fields.fault("input", "is missing");
  ANEMONE_RETURN_IF_ERROR(fields.finish());
  ANEMONE_TRY(request.messages, read_input(*input, instructions));
  return request;
}

}  // namespace anemone::serve
