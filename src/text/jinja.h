#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "anemone/result.h"

namespace anemone::text {

/// A template of a task file, rendered as lm-evaluation-harness does: undefined values are errors,
/// the last newline stays, nothing is trimmed, values print as in Python, filter `regex_replace`.
/// Cheap to copy; may be rendered from several threads.
class JinjaTemplate {
 public:
  /// Errors: corrupt (line and what is wrong), invalid_argument (not UTF-8).
  static Result<JinjaTemplate> compile(std::string_view source);

  /// `context` is a JSON object; order of keys and 1 against 1.0 are kept. Errors: corrupt (the
  /// JSON), mismatch (line: an undefined value, an operation that does not fit), limit.
  Result<std::string> render(std::string_view context) const;

 private:
  struct State;
  explicit JinjaTemplate(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace anemone::text
