#include "serve/documents/refusal.h"

#include <fmt/format.h>

#include "serve/documents/fields.h"

namespace anemone::serve {
namespace {

const char* type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

const char* word_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::unsupported:
      return "unsupported_value";
    case ErrorCode::out_of_range:
      return "context_length_exceeded";
    case ErrorCode::not_found:
      return "model_not_found";
    default:
      return "invalid_value";
  }
}

std::string words(const Error& error) {
  std::string text;
  for (auto frame = error.context.rbegin(); frame != error.context.rend(); ++frame)
    text += *frame + ": ";
  text += error.message;
  return error.hint.empty() ? text : fmt::format("{} ({})", text, error.hint);
}

}  // namespace

Refusal refusal_of(const Error& error) {
  if (error.code == ErrorCode::io) return {500, words(error), "internal", ""};
  return {error.code == ErrorCode::not_found ? 404 : 400, words(error), word_of(error.code),
          error.context.empty() ? "" : error.context.front()};
}

Refusal refusal_of_run(const Error& error, const std::string& form_field) {
  if (error.code == ErrorCode::limit && !form_field.empty())
    return {400, words(error), word_of(error.code), form_field};
  return {500, words(error), to_string(error.code), ""};
}

std::string to_document(const Refusal& refusal) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return dump({{"error",
                {{"message", refusal.message},
                 {"type", type_of(refusal.status)},
                 {"param", or_null(refusal.field)},
                 {"code", or_null(refusal.code)}}}});
}

}  // namespace anemone::serve
