#include "eval/task_fields.h"

#include "base/error.h"
#include "eval/python_format.h"
#include "eval/yaml.h"

namespace anemone::eval {

const Value& TaskFields::get(const char* key) const {
  static const Value kNone;
  const auto found = file_.find(key);
  return found == file_.end() ? kNone : *found;
}

Status TaskFields::text(const char* key, std::string& out) const {
  ANEMONE_TRY(auto value, optional_text(key, get(key)));
  if (value) out = *std::move(value);
  return {};
}

Error wrong_value(const char* key, const Value& value, const char* expected) {
  return fail(ErrorCode::invalid_argument, "{}: {}, expected {}", key, python::to_repr(value),
              expected);
}

Result<std::optional<std::string>> optional_text(const char* key, const Value& value) {
  if (value.is_null()) return std::optional<std::string>();
  if (!value.is_string()) return wrong_value(key, value, "text");
  return std::optional(value.get<std::string>());
}

Result<const Function*> function_of(const char* key, const Value& value) {
  const auto& name = value.begin().value().get_ref<const std::string&>();
  const Function* found = find_function(name);
  if (found == nullptr)
    return with_hint(fail(ErrorCode::unsupported, "{}: !function {} is Python code", key, name),
                     "the built-in functions are those of the standard tasks; write the field as "
                     "a column, a template or a list");
  return found;
}

Result<Field> field_of(const char* key, const Value& value) {
  if (!is_function(value)) return Field{value, nullptr};
  ANEMONE_TRY(const Function* found, function_of(key, value));
  if (found->field == nullptr)
    return fail(ErrorCode::invalid_argument, "{}: !function {} works out no field", key,
                found->name);
  return Field{value, found->field};
}

Status read_documents_function(const char* key, const Value& value, DocumentsFunction& out) {
  if (value.is_null()) return {};
  if (!is_function(value)) return wrong_value(key, value, "a !function");
  ANEMONE_TRY(const Function* found, function_of(key, value));
  if (found->documents == nullptr)
    return fail(ErrorCode::invalid_argument, "{}: !function {} makes no documents", key,
                found->name);
  out = found->documents;
  return {};
}

}  // namespace anemone::eval
