#include "eval/json_text.h"

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/json_document.h"

namespace anemone::eval {
namespace {

/// The numbers that Python's json writes and JSON does not have, behind a mark that no text holds.
constexpr std::array<std::pair<std::string_view, double>, 3> kNotJson = {
    {{"NaN", std::numeric_limits<double>::quiet_NaN()},
     {"-Infinity", -std::numeric_limits<double>::infinity()},
     {"Infinity", std::numeric_limits<double>::infinity()}}};
// Of one object: it keeps the order of its keys and finds them one by one.
constexpr size_t kMostKeys = 4096;
constexpr std::string_view kMark = "\\u0000";

std::string with_marks(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    if (in_string && text[i] == '\\') {
      out.append(text.substr(i, 2));
      i += 2;
      continue;
    }
    if (text[i] == '"') in_string = !in_string;
    size_t taken = 0;
    for (const auto& [name, value] : kNotJson) {
      if (in_string || taken != 0 || !text.substr(i).starts_with(name)) continue;
      out.append("\"").append(kMark).append(name).append("\"");
      taken = name.size();
    }
    if (taken == 0) out.push_back(text[i++]);
    i += taken;
  }
  return out;
}

void without_marks(Value& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.empty() || text[0] != '\0') return;
    for (const auto& [name, number] : kNotJson) {
      if (std::string_view(text).substr(1) != name) continue;
      value = number;
      return;
    }
  } else if (value.is_structured()) {
    for (Value& item : value) without_marks(item);
  }
}

}  // namespace

Result<Value> parse_json_text(std::string_view text) {
  ANEMONE_RETURN_IF_ERROR(check_json_bounds(text, kMaxJsonDepth, kMostKeys));
  Value value = Value::parse(text, nullptr, false);
  if (!value.is_discarded()) return value;
  if (text.find_first_of("NI") != std::string_view::npos) {
    value = Value::parse(with_marks(text), nullptr, false);
    if (!value.is_discarded()) {
      without_marks(value);
      return value;
    }
  }
  return fail(ErrorCode::corrupt, "not JSON");
}

}  // namespace anemone::eval
