#include <array>

#include "base/error.h"
#include "eval/functions.h"
#include "eval/python_format.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

/// The sentence as the second half of another: its first letter is small. A blank stands before it,
/// beside that of the task's delimiter.
Result<std::string> second_half(const Value& document, const char* column) {
  ANEMONE_TRY(const std::string sentence, text_column(document, column));
  if (sentence.empty()) return fail(ErrorCode::mismatch, "column '{}' is empty", column);
  const size_t first = python::code_point_at(sentence, 0).size_bytes;
  return " " + python::lower(sentence.substr(0, first)) + sentence.substr(first);
}

/// The premise without its full stop, and how the choice hangs on it.
Result<Value> doc_to_text(const Value& document) {
  ANEMONE_TRY(const std::string question, text_column(document, "question"));
  if (question != "cause" && question != "effect")
    return fail(ErrorCode::mismatch, "column 'question' is {}, expected 'cause' or 'effect'",
                python::string_repr(question));
  ANEMONE_TRY(const std::string column, text_column(document, "premise"));
  std::string premise(python::strip(column));
  size_t last = 0;
  for (size_t i = 0; i < premise.size(); i += python::code_point_at(premise, i).size_bytes)
    last = i;
  premise.resize(last);
  return Value(premise + (question == "cause" ? " because" : " therefore"));
}

Result<Value> doc_to_target(const Value& document) {
  const bool first = document.value("label", Value()) == 0;
  ANEMONE_TRY(std::string choice, second_half(document, first ? "choice1" : "choice2"));
  return Value(std::move(choice));
}

Result<Value> doc_to_choice(const Value& document) {
  ANEMONE_TRY(std::string first, second_half(document, "choice1"));
  ANEMONE_TRY(std::string second, second_half(document, "choice2"));
  return Value::array({std::move(first), std::move(second)});
}

constexpr std::array kFunctions = {Function{.name = "doc_to_text", .field = doc_to_text},
                                   Function{.name = "doc_to_target", .field = doc_to_target},
                                   Function{.name = "doc_to_choice", .field = doc_to_choice}};

}  // namespace

FunctionFamily copa_functions() { return {"copa", kFunctions}; }

}  // namespace anemone::eval
