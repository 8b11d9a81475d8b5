#include "compare/readings.h"

#include "base/error.h"
#include "eval/recorded_value.h"

namespace anemone::compare {

using eval::Value;

std::string pointer_part(std::string_view name) {
  std::string part;
  for (const char c : name) part += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return part;
}

Result<std::optional<double>> number_at(const Value& document, const std::string& pointer) {
  const Value::json_pointer place(pointer);
  if (!document.contains(place)) return std::optional<double>();
  const Value& value = document.at(place);
  if (value.is_null()) return std::optional<double>();
  const auto found = eval::number(value);
  if (!found)
    return fail(ErrorCode::corrupt, "'{}' is {}, expected a finite number", pointer,
                value.is_number() ? "not finite" : value.type_name());
  return std::optional<double>(found);
}

Result<std::vector<Reading>> readings(const Document& document, size_t source) {
  switch (document.source.kind) {
    case Kind::evaluation:
      return evaluation_readings(document, source);
    case Kind::bench:
      return bench_readings(document, source);
    case Kind::probe:
      return probe_readings(document, source);
    case Kind::check:
      return check_readings(document, source);
    case Kind::figures:
      return figures_readings(document, source);
    case Kind::samples:
      break;  // read beside the results that they belong to
  }
  return std::vector<Reading>();
}

}  // namespace anemone::compare
