#include "base/error.h"
#include "eval/filters.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

Result<FilterStep> make(const Value& options) {
  ANEMONE_RETURN_IF_ERROR(FilterOptions("lowercase", options).check_keys({}));
  return for_each_text(
      [](const std::string& answer) -> Result<Value> { return Value(python::lower(answer)); });
}

}  // namespace

Filter lowercase_filter() { return {.name = "lowercase", .make = make}; }

}  // namespace anemone::eval
