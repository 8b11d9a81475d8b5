#pragma once

#include <optional>
#include <string>

#include "anemone/result.h"
#include "eval/task_config.h"

namespace anemone::eval {

/// The keys of one task file, each read as what it must be. Errors name the key: invalid_argument
/// (a value of the wrong kind), unsupported (a function that only Python has).
class TaskFields {
 public:
  /// `file` is a dict and must outlive this.
  explicit TaskFields(const Value& file) : file_(file) {}

  const Value& file() const { return file_; }
  /// Null when the file has no such key.
  const Value& get(const char* key) const;
  /// Leaves `out` as it is when the file has no such key.
  Status text(const char* key, std::string& out) const;

 private:
  const Value& file_;
};

Error wrong_value(const char* key, const Value& value, const char* expected);
Result<std::optional<std::string>> optional_text(const char* key, const Value& value);
/// The built-in that a `!function` value names.
Result<const Function*> function_of(const char* key, const Value& value);
Result<Field> field_of(const char* key, const Value& value);
/// Leaves `out` as it is for a null value.
Status read_documents_function(const char* key, const Value& value, DocumentsFunction& out);

}  // namespace anemone::eval
