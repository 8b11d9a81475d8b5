#include <array>

#include "base/error.h"
#include "eval/functions.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

/// A sentence around its gap.
struct Gapped {
  std::string before;
  std::string after;
};

Result<Gapped> split_at_gap(const Value& document) {
  ANEMONE_TRY(const std::string sentence, text_column(document, "sentence"));
  const size_t gap = sentence.find('_');
  if (gap == std::string::npos)
    return fail(ErrorCode::mismatch, "column 'sentence' has no gap '_'");
  return Gapped{sentence.substr(0, gap), std::string(python::strip(sentence.substr(gap + 1)))};
}

/// The number of the right context; there is one context for each choice.
Result<Value> doc_to_text(const Value& document) {
  ANEMONE_TRY(const std::string answer, text_column(document, "answer"));
  for (int choice : {0, 1})
    if (answer == std::to_string(choice + 1)) return Value(choice);
  return fail(ErrorCode::mismatch, "column 'answer' is '{}', expected '1' or '2'", answer);
}

Result<Value> doc_to_target(const Value& document) {
  ANEMONE_TRY(Gapped sentence, split_at_gap(document));
  return Value(std::move(sentence.after));
}

Result<Value> doc_to_choice(const Value& document) {
  ANEMONE_TRY(const Gapped sentence, split_at_gap(document));
  ANEMONE_TRY(const std::string first, text_column(document, "option1"));
  ANEMONE_TRY(const std::string second, text_column(document, "option2"));
  return Value::array({sentence.before + first, sentence.before + second});
}

constexpr std::array kFunctions = {Function{.name = "doc_to_text", .field = doc_to_text},
                                   Function{.name = "doc_to_target", .field = doc_to_target},
                                   Function{.name = "doc_to_choice", .field = doc_to_choice}};

}  // namespace

FunctionFamily winogrande_functions() { return {"winogrande", kFunctions}; }

}  // namespace anemone::eval
