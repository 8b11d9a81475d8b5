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

/// Errors of a request: 400, and 404 for not_found; those of running: limit and interrupted 503,
/// the others 500.
Refusal refusal_of(const Error& error);
Refusal refusal_of_run(const Error& error);

/// {"error": {"message", "type", "param", "code"}}
std::string to_document(const Refusal& refusal);

}  // namespace anemone::serve
