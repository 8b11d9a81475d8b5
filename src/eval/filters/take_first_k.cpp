#include "base/error.h"
#include "eval/filters.h"

namespace anemone::eval {
namespace {

Result<FilterStep> make(const Value& options) {
  const FilterOptions read("take_first_k", options);
  ANEMONE_RETURN_IF_ERROR(read.check_keys({"k"}));
  ANEMONE_TRY(const int64_t count, read.number("k", 0));
  if (count < 1) return read.wrong("k", "a number from 1 on");
  return FilterStep([count](const Value& answers, const Value&) -> Result<Value> {
    if (static_cast<int64_t>(answers.size()) < count)
      return fail(ErrorCode::mismatch, "take_first_k: {} answers, expected at least {}",
                  answers.size(), count);
    return Value(Value::array_t(answers.begin(), answers.begin() + count));
  });
}

}  // namespace

Filter take_first_k_filter() { return {.name = "take_first_k", .make = make}; }

}  // namespace anemone::eval
