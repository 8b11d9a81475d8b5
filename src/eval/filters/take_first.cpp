#include "base/error.h"
#include "eval/filters.h"

namespace anemone::eval {
namespace {

Result<FilterStep> make(const Value& options) {
  ANEMONE_RETURN_IF_ERROR(FilterOptions("take_first", options).check_keys({}));
  return FilterStep([](const Value& answers, const Value&) -> Result<Value> {
    if (answers.empty()) return fail(ErrorCode::mismatch, "take_first: there is no answer");
    return answers[0];
  });
}

}  // namespace

Filter take_first_filter() {
  return {.name = "take_first", .shape = FilterShape::first, .make = make};
}

}  // namespace anemone::eval
