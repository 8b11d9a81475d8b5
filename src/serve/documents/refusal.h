#pragma once

#include <string>

#include "anemone/result.h"

namespace anemone::serve {

/// What a client is told instead of an answer: an HTTP status and OpenAI's error document.
struct Refusal {
  int status = 400;
  std::string message;
  std::string code;   ///< a word for programs; may be empty.
  std::string field;  ///< the field of the request that is wrong; may be empty.
};

/// Errors of a request: 400, 404 for not_found, and 500 for io, which no client causes.
Refusal refusal_of(const Error& error);
/// Errors of the model: 500. `form_field`: where the request asked for a form of the answer, or
/// empty; that it is too much work (limit) is 400, as nothing but another form helps.
Refusal refusal_of_run(const Error& error, const std::string& form_field);

/// {"error": {"message", "type", "param", "code"}}
std::string to_document(const Refusal& refusal);

}  // namespace anemone::serve
