#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "eval/value.h"

namespace anemone::eval {

/// The value of a key, null when it is absent or `object` is no object.
inline Value at(const Value& object, const std::string& key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found == object.end() ? Value() : *found;
}

inline std::string text_at(const Value& object, const std::string& key) {
  const Value value = at(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

inline std::optional<double> number(const Value& value) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) return std::nullopt;
  return value.get<double>();
}

}  // namespace anemone::eval
