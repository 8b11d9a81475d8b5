#include "serve/documents/schema_bounds.h"

#include "base/error.h"

namespace anemone::serve {

Status SchemaBounds::add(const Json& schema) {
  schema_bytes_ += dump(schema).size();
  if (schema_bytes_ > kMostSchemaBytes)
    return fail(ErrorCode::invalid_argument, "has schemas of {} bytes, at most {} are taken",
                schema_bytes_, kMostSchemaBytes);
  return add_patterns(schema);
}

Status SchemaBounds::add_pattern(std::string_view pattern) {
  pattern_bytes_ += pattern.size();
  if (pattern.size() > kMostPatternBytes)
    return fail(ErrorCode::invalid_argument, "has a pattern of {} bytes, at most {} are taken",
                pattern.size(), kMostPatternBytes);
  if (pattern_bytes_ > kMostPatternsBytes)
    return fail(ErrorCode::invalid_argument, "has patterns of {} bytes, at most {} are taken",
                pattern_bytes_, kMostPatternsBytes);
  return {};
}

Status SchemaBounds::add_patterns(const Json& schema) {
  if (!schema.is_structured()) return {};
  if (schema.is_array()) {
    for (const Json& each : schema) ANEMONE_RETURN_IF_ERROR(add_patterns(each));
    return {};
  }
  for (const auto& [key, value] : schema.items()) {
    if (key == "pattern" && value.is_string())
      ANEMONE_RETURN_IF_ERROR(add_pattern(value.get_ref<const std::string&>()));
    if (key == "patternProperties" && value.is_object())
      for (const auto& [pattern, each] : value.items())
        ANEMONE_RETURN_IF_ERROR(add_pattern(pattern));
    // Its blanks and separators are patterns too.
    if (key == "x-guidance" && value.is_object())
      for (const auto& [option, each] : value.items())
        if (each.is_string())
          ANEMONE_RETURN_IF_ERROR(add_pattern(each.get_ref<const std::string&>()));
    ANEMONE_RETURN_IF_ERROR(add_patterns(value));
  }
  return {};
}

}  // namespace anemone::serve
