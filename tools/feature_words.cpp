#include "feature_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

const char* kind_name(package::Feature::Kind kind) {
  using Kind = package::Feature::Kind;
  switch (kind) {
    case Kind::multi_array:
      return "multi_array";
    case Kind::image:
      return "image";
    case Kind::state:
      return "state";
    case Kind::dictionary:
      return "dictionary";
    case Kind::sequence:
      return "sequence";
    case Kind::string:
      return "string";
    case Kind::int64:
      return "int64";
    case Kind::fp64:
      return "double";
  }
  return "unknown";
}

std::string shape_text(std::span<const int64_t> dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

}  // namespace

std::string feature_text(const package::Feature& feature) {
  using Kind = package::Feature::Kind;
  if (feature.kind == Kind::image)
    return fmt::format("image {} x {}", feature.width, feature.height);
  if (feature.kind != Kind::multi_array && feature.kind != Kind::state)
    return kind_name(feature.kind);
  if (feature.shape.empty() && feature.ranges.empty())
    return fmt::format("{}, shape follows the inputs", to_string(feature.dtype));
  std::string text = fmt::format("{} {}", to_string(feature.dtype), shape_text(feature.shape));
  for (const auto& shape : feature.enumerated_shapes)
    if (shape != feature.shape) text += " or " + shape_text(shape);
  if (!feature.ranges.empty()) {
    text += " range";
    for (const auto& range : feature.ranges)
      text += range.upper < 0              ? fmt::format(" {}..", range.lower)
              : range.upper == range.lower ? fmt::format(" {}", range.lower)
                                           : fmt::format(" {}..{}", range.lower, range.upper);
  }
  return feature.is_optional ? text + " optional" : text;
}

Json feature_json(const package::Feature& feature) {
  using Kind = package::Feature::Kind;
  Json json = {{"name", feature.name}, {"kind", kind_name(feature.kind)}};
  if (feature.kind == Kind::image) {
    json["width"] = feature.width;
    json["height"] = feature.height;
  } else if (feature.kind == Kind::multi_array || feature.kind == Kind::state) {
    json["dtype"] = to_string(feature.dtype);
    json["shape"] = feature.shape;
  }
  if (!feature.enumerated_shapes.empty()) json["enumerated_shapes"] = feature.enumerated_shapes;
  for (const auto& range : feature.ranges)
    json["ranges"].push_back({range.lower, range.upper < 0 ? Json() : Json(range.upper)});
  if (feature.is_optional) json["optional"] = true;
  if (!feature.description.empty()) json["description"] = feature.description;
  return json;
}

}  // namespace anemone::tools
