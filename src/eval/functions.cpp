#include "eval/functions.h"

#include "base/error.h"

namespace anemone::eval {
namespace {

std::span<const FunctionFamily> families() {
  static const std::vector<FunctionFamily> all = {
#define EVAL_FUNCTIONS(family) family##_functions(),
#include "eval/functions/functions.inc"
#undef EVAL_FUNCTIONS
  };
  return all;
}

}  // namespace

Result<std::string> text_column(const Value& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end() || !found->is_string())
    return fail(ErrorCode::mismatch, "column '{}' is missing or no text", key);
  return found->get<std::string>();
}

const Function* find_function(std::string_view qualified_name) {
  const size_t dot = qualified_name.rfind('.');
  if (dot == std::string_view::npos) return nullptr;
  for (const FunctionFamily& family : families()) {
    if (family.name != qualified_name.substr(0, dot)) continue;
    for (const Function& function : family.functions)
      if (function.name == qualified_name.substr(dot + 1)) return &function;
  }
  return nullptr;
}

std::string qualified_name(AggregateFunction aggregate) {
  for (const FunctionFamily& family : families())
    for (const Function& function : family.functions)
      if (aggregate != nullptr && function.aggregate == aggregate)
        return std::string(family.name) + "." + std::string(function.name);
  return {};
}

std::string resolve_function(std::string_view reference, std::span<const std::string> candidates) {
  if (find_function(reference) != nullptr) return std::string(reference);
  const size_t dot = reference.rfind('.');
  const std::string_view name =
      dot == std::string_view::npos ? reference : reference.substr(dot + 1);
  for (const std::string& family : candidates) {
    std::string qualified = family + "." + std::string(name);
    if (find_function(qualified) != nullptr) return qualified;
  }
  return {};
}

}  // namespace anemone::eval
