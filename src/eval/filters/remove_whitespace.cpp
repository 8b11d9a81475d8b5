#include "base/error.h"
#include "eval/filters.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

Result<FilterStep> make(const Value& options) {
  ANEMONE_RETURN_IF_ERROR(FilterOptions("remove_whitespace", options).check_keys({}));
  return for_each_text([](const std::string& answer) -> Result<Value> {
    return Value(std::string(python::strip(answer)));
  });
}

}  // namespace

Filter remove_whitespace_filter() { return {.name = "remove_whitespace", .make = make}; }

}  // namespace anemone::eval
