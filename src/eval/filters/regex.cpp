#include "eval/regex.h"

#include "base/error.h"
#include "eval/filters.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

/// The match that `select` names, negative ones counted from the end: of several groups the first
/// that holds something.
Result<Value> extract(const Regex& regex, int64_t select, const std::string& fallback,
                      const std::string& answer) {
  ANEMONE_TRY(const auto matches, regex.find_all(answer));
  if (matches.empty()) return Value(fallback);
  const auto count = static_cast<int64_t>(matches.size());
  const int64_t index = select < 0 ? select + count : select;
  if (index < 0 || index >= count)
    return fail(ErrorCode::out_of_range, "regex: group_select {} of {} matches", select, count);
  const auto& groups = matches[static_cast<size_t>(index)];
  if (groups.size() == 1) return Value(std::string(python::strip(groups[0])));
  for (const std::string& group : groups)
    if (!group.empty()) return Value(std::string(python::strip(group)));
  return Value(std::string(python::strip(fallback)));
}

Result<FilterStep> make(const Value& options) {
  const FilterOptions read("regex", options);
  ANEMONE_RETURN_IF_ERROR(read.check_keys({"regex_pattern", "group_select", "fallback"}));
  ANEMONE_TRY(const std::string pattern, read.text("regex_pattern", R"(#### (\-?[0-9\.\,]+))"));
  ANEMONE_TRY(const int64_t select, read.number("group_select", 0));
  ANEMONE_TRY(const std::string fallback, read.text("fallback", "[invalid]"));
  ANEMONE_TRY(const Regex regex, Regex::compile(pattern));
  return for_each_text([regex, select, fallback](const std::string& answer) {
    return extract(regex, select, fallback, answer);
  });
}

}  // namespace

Filter regex_filter() { return {.name = "regex", .make = make}; }

}  // namespace anemone::eval
