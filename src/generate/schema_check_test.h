#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

namespace anemone::generate {

/// Whether a value is what a JSON Schema asks for: the keywords that the tests use, written from
/// the specification, apart from the library that makes the masks.
class SchemaCheck {
 public:
  using Json = nlohmann::json;
  explicit SchemaCheck(Json root) : root_(std::move(root)) {}
  bool allows(const Json& value) const { return allows(value, root_); }

 private:
  bool allows(const Json& value, const Json& schema) const {
    if (schema.is_boolean()) return schema.get<bool>();
    if (schema.contains("$ref")) {
      const std::string place = schema["$ref"].get<std::string>().substr(1);
      return allows(value, root_.at(Json::json_pointer(place)));
    }
    const auto each = [&](const Json& one) { return allows(value, one); };
    if (schema.contains("anyOf") && !std::ranges::any_of(schema["anyOf"], each)) return false;
    if (schema.contains("allOf") && !std::ranges::all_of(schema["allOf"], each)) return false;
    if (schema.contains("oneOf") && std::ranges::count_if(schema["oneOf"], each) != 1) return false;
    if (schema.contains("const") && value != schema["const"]) return false;
    if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end())
      return false;
    return has_type(value, schema) && (!value.is_string() || string_fits(value, schema)) &&
           (!value.is_number() || number_fits(value, schema)) &&
           (!value.is_array() || array_fits(value, schema)) &&
           (!value.is_object() || object_fits(value, schema));
  }

  static bool has_type(const Json& value, const Json& schema) {
    if (!schema.contains("type")) return true;
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    return std::ranges::any_of(types, [&](const Json& type) {
      if (type == "integer")
        return value.is_number_integer() ||
               (value.is_number() && value.get<double>() == std::floor(value.get<double>()));
      return type == value.type_name();
    });
  }

  static bool string_fits(const Json& value, const Json& schema) {
    const auto& text = value.get_ref<const std::string&>();
    const auto length = std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; });
    return length >= schema.value("minLength", 0) && length <= schema.value("maxLength", 1 << 20) &&
           (!schema.contains("pattern") ||
            std::regex_search(text, std::regex(schema["pattern"].get<std::string>())));
  }

  static bool number_fits(const Json& value, const Json& schema) {
    const auto number = value.get<double>();
    return (!schema.contains("minimum") || number >= schema["minimum"]) &&
           (!schema.contains("maximum") || number <= schema["maximum"]) &&
           (!schema.contains("exclusiveMinimum") || number > schema["exclusiveMinimum"]) &&
           (!schema.contains("exclusiveMaximum") || number < schema["exclusiveMaximum"]) &&
           (!schema.contains("multipleOf") ||
            std::fmod(number, schema["multipleOf"].get<double>()) == 0);
  }

  bool array_fits(const Json& value, const Json& schema) const {
    const size_t size = value.size();
    if (size < schema.value("minItems", size_t{0}) ||
        size > schema.value("maxItems", size_t{1} << 20))
      return false;
    const Json first = schema.value("prefixItems", Json(Json::array()));
    const Json rest = schema.value("items", Json(true));
    for (size_t i = 0; i < size; ++i)
      if (!allows(value[i], i < first.size() ? first[i] : rest)) return false;
    return true;
  }

  bool object_fits(const Json& value, const Json& schema) const {
    for (const Json& name : schema.value("required", Json(Json::array())))
      if (!value.contains(name.get<std::string>())) return false;
    const Json properties = schema.value("properties", Json(Json::object()));
    const Json others = schema.value("additionalProperties", Json(true));
    return std::ranges::all_of(value.items(), [&](const auto& item) {
      return allows(item.value(), properties.value(item.key(), others));
    });
  }

  Json root_;
};

}  // namespace anemone::generate
