#include "base/error.h"
#include "eval/filters.h"
#include "eval/regex.h"

namespace anemone::eval {
namespace {

/// The tags of "('token', 'tag')" pairs as a list. The pattern of the options is not used: the
/// harness reads it and matches with one of its own.
Result<FilterStep> make(const Value& options) {
  const FilterOptions read("regex_pos", options);
  ANEMONE_RETURN_IF_ERROR(read.check_keys({"regex_pattern", "group_select", "fallback"}));
  static const Regex kPair = Regex::constant(R"(\('([^']*)', '([^']*)'\))");
  const Value fallback =
      read.get("fallback").is_null() ? Value::array({"invalid"}) : read.get("fallback");
  return for_each_text([fallback](const std::string& answer) -> Result<Value> {
    ANEMONE_TRY(const auto pairs, kPair.find_all(answer));
    Value tags = Value::array();
    for (const auto& pair : pairs) tags.push_back(pair[1]);
    return tags.empty() ? fallback : tags;
  });
}

}  // namespace

Filter regex_pos_filter() {
  return {.name = "regex_pos", .shape = FilterShape::values, .make = make};
}

}  // namespace anemone::eval
