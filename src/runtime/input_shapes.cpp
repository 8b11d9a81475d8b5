#include "runtime/input_shapes.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"

namespace anemone::runtime {
namespace {

bool in_ranges(std::span<const package::DimRange> ranges, const Shape& shape) {
  if (ranges.size() != shape.rank()) return false;
  for (size_t axis = 0; axis < shape.rank(); ++axis)
    if (shape[axis] < ranges[axis].lower ||
        (ranges[axis].upper >= 0 && shape[axis] > ranges[axis].upper))
      return false;
  return true;
}

std::string allowed_shapes(const package::Feature& feature) {
  if (!feature.enumerated_shapes.empty())
    return fmt::format("one of {}", fmt::join(feature.enumerated_shapes, ", "));
  if (feature.ranges.empty()) return fmt::format("{}", feature.shape);
  std::string text;
  for (const package::DimRange& range : feature.ranges) {
    text += text.empty() ? "[" : ", ";
    text += range.upper < 0              ? fmt::format("{}..", range.lower)
            : range.lower == range.upper ? fmt::format("{}", range.lower)
                                         : fmt::format("{}..{}", range.lower, range.upper);
  }
  return text + "]";
}

Status check_described(const package::Feature& feature, const Shape& shape) {
  const auto equals = [&](const std::vector<int64_t>& dims) {
    return std::ranges::equal(dims, shape.dims());
  };
  bool allowed = true;
  if (!feature.enumerated_shapes.empty())
    allowed = std::ranges::any_of(feature.enumerated_shapes, equals);
  else if (!feature.ranges.empty())
    allowed = in_ranges(feature.ranges, shape);
  else if (!feature.shape.empty())
    allowed = equals(feature.shape);
  if (allowed) return {};
  return fail(ErrorCode::mismatch, "input '{}' has shape {}, allowed is {}", feature.name,
              shape.to_string(), allowed_shapes(feature));
}

Status check_declared(const mil::NamedType& input, const Shape& shape) {
  const mil::TensorType& type = input.type.tensor;
  bool fits = shape.is_known() && checked_element_count(shape.dims()).has_value();
  if (!type.variable_rank) {
    fits = fits && type.shape.rank() == shape.rank();
    for (size_t axis = 0; fits && axis < shape.rank(); ++axis)
      fits = type.shape[axis] == kUnknownDim || type.shape[axis] == shape[axis];
  }
  if (fits) return {};
  return fail(ErrorCode::mismatch, "input '{}' has shape {}, the program takes {}", input.name,
              shape.to_string(), mil::to_string(input.type));
}

}  // namespace

Result<std::vector<Shape>> choose_input_shapes(const mil::Function& function,
                                               const package::FunctionDescription* description,
                                               std::span<const Model::InputShape> given) {
  std::vector<Shape> shapes;
  for (const Model::InputShape& wanted : given)
    if (std::ranges::find(function.inputs, wanted.name, &mil::NamedType::name) ==
        function.inputs.end())
      return fail(ErrorCode::mismatch, "function '{}' has no input '{}'", function.name,
                  wanted.name);
  for (const mil::NamedType& input : function.inputs) {
    if (input.type.kind == mil::ValueType::Kind::state) continue;
    if (input.type.kind != mil::ValueType::Kind::tensor)
      return fail(ErrorCode::unsupported, "input '{}' of function '{}' is a {}", input.name,
                  function.name, mil::to_string(input.type));
    const package::Feature* feature =
        description != nullptr ? description->find_input(input.name) : nullptr;
    const bool is_array =
        feature != nullptr && feature->kind == package::Feature::Kind::multi_array;
    const auto wanted = std::ranges::find(given, input.name, &Model::InputShape::name);
    Shape shape = input.type.tensor.shape;
    if (wanted != given.end())
      shape = wanted->shape;
    else if (is_array && !feature->shape.empty() && feature->shape.size() <= Shape::kMaxRank)
      shape = Shape(std::span(feature->shape));
    if (is_array) ANEMONE_RETURN_IF_ERROR(check_described(*feature, shape));
    ANEMONE_RETURN_IF_ERROR(check_declared(input, shape));
    shapes.push_back(shape);
  }
  return shapes;
}

}  // namespace anemone::runtime
