#include <algorithm>

#include "base/error.h"
#include "eval/filters.h"

namespace anemone::eval {
namespace {

/// The commonest answer; of several the one that came first.
Result<Value> vote(const Value& answers, const Value&) {
  if (answers.empty()) return fail(ErrorCode::mismatch, "majority_vote: there is no answer");
  std::ptrdiff_t most = 0;
  Value chosen;
  for (const Value& answer : answers) {
    const auto count = std::count(answers.begin(), answers.end(), answer);
    if (count <= most) continue;
    most = count;
    chosen = answer;
  }
  return Value::array({std::move(chosen)});
}

Result<FilterStep> make(const Value& options) {
  ANEMONE_RETURN_IF_ERROR(FilterOptions("majority_vote", options).check_keys({}));
  return FilterStep(vote);
}

}  // namespace

Filter majority_vote_filter() { return {.name = "majority_vote", .make = make}; }

}  // namespace anemone::eval
