#include "base/error.h"
#include "eval/filters.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

Result<FilterStep> make(const Value& options) {
  ANEMONE_RETURN_IF_ERROR(FilterOptions("uppercase", options).check_keys({}));
  return for_each_text(
      [](const std::string& answer) -> Result<Value> { return Value(python::upper(answer)); });
}

}  // namespace

Filter uppercase_filter() { return {.name = "uppercase", .make = make}; }

}  // namespace anemone::eval
