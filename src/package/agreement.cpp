#include "package/agreement.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/error.h"

namespace anemone::package {
namespace {

using mil::NamedType;
using mil::ValueType;

std::string describe(const Feature& feature) {
  switch (feature.kind) {
    case Feature::Kind::multi_array:
    case Feature::Kind::state:
      return fmt::format("{} [{}]", to_string(feature.dtype), fmt::join(feature.shape, ", "));
    case Feature::Kind::image:
      return fmt::format("an image of {} x {}", feature.width, feature.height);
    case Feature::Kind::dictionary:
      return "a dictionary";
    case Feature::Kind::sequence:
      return "a sequence";
    case Feature::Kind::string:
      return "a string";
    case Feature::Kind::int64:
      return "an int64";
    case Feature::Kind::fp64:
      return "a double";
  }
  return "";
}

bool dims_agree(std::span<const int64_t> declared, const Shape& shape) {
  if (declared.empty()) return true;  // flexible results declare nothing
  if (shape.rank() == 0) return declared.size() == 1 && declared[0] == 1;
  return std::ranges::equal(declared, shape.dims(), [](int64_t expected, int64_t dim) {
    return dim == kUnknownDim || dim == expected;
  });
}

bool array_agrees(const Feature& feature, const mil::TensorType& type) {
  if (feature.dtype != type.dtype) return false;
  if (type.variable_rank) return true;
  return dims_agree(feature.shape, type.shape) &&
         std::ranges::all_of(feature.enumerated_shapes,
                             [&](const auto& dims) { return dims_agree(dims, type.shape); });
}

/// Images are rank-4 tensors [1, channels, height, width] in the program.
bool image_agrees(const Feature& feature, const mil::TensorType& type) {
  const bool color = feature.color_space == Feature::ColorSpace::rgb ||
                     feature.color_space == Feature::ColorSpace::bgr;
  const int64_t dims[] = {1, color ? 3 : 1, feature.height, feature.width};
  return is_float(type.dtype) && (type.variable_rank || dims_agree(dims, type.shape));
}

bool agrees(const Feature& feature, const ValueType& type) {
  switch (feature.kind) {
    case Feature::Kind::multi_array:
      return type.kind == ValueType::Kind::tensor && array_agrees(feature, type.tensor);
    case Feature::Kind::state:
      return type.kind == ValueType::Kind::state && array_agrees(feature, type.tensor);
    case Feature::Kind::image:
      return type.kind == ValueType::Kind::tensor && image_agrees(feature, type.tensor);
    case Feature::Kind::dictionary:
      return type.kind == ValueType::Kind::dictionary;
    case Feature::Kind::sequence:
      return type.kind == ValueType::Kind::list;
    case Feature::Kind::string:
      return type.kind == ValueType::Kind::tensor && type.tensor.dtype == DType::string;
    case Feature::Kind::int64:
      return type.kind == ValueType::Kind::tensor && is_integer(type.tensor.dtype);
    case Feature::Kind::fp64:
      return type.kind == ValueType::Kind::tensor && is_float(type.tensor.dtype);
  }
  return false;
}

class Comparison {
 public:
  Comparison(const std::string& function, mil::Diagnostics& faults)
      : function_(function), faults_(faults) {}

  /// `features` against `values` by name; `names` and `types` are the constraints they prove.
  void compare(const char* what, std::span<const Feature> features,
               std::span<const NamedType> values, const char* names, const char* types) {
    for (const Feature& feature : features) {
      const auto value = std::ranges::find(values, feature.name, &NamedType::name);
      if (value == values.end())
        add(names, fmt::format("{} '{}' is described, but the program has none of that name", what,
                               feature.name));
      else if (!agrees(feature, value->type))
        add(types, fmt::format("{} '{}' is described as {}, the program has {}", what, feature.name,
                               describe(feature), to_string(value->type)));
    }
    for (const NamedType& value : values)
      if (std::ranges::find(features, value.name, &Feature::name) == features.end())
        add(names, fmt::format("{} '{}' of the program is not described", what, value.name));
  }

  void add(const char* constraint, std::string message) {
    faults_.push_back({.constraint = constraint,
                       .function = function_,
                       .operation = {},
                       .operation_index = -1,
                       .message = std::move(message)});
  }

 private:
  const std::string& function_;
  mil::Diagnostics& faults_;
};

void compare_function(const FunctionDescription& described, const mil::Function& function,
                      mil::Diagnostics& faults) {
  Comparison comparison(described.name, faults);
  std::vector<NamedType> inputs;
  std::vector<NamedType> states;
  for (const NamedType& input : function.inputs)
    (input.type.kind == ValueType::Kind::state ? states : inputs).push_back(input);
  std::vector<NamedType> outputs;
  for (const std::string& name : function.block.outputs)
    if (const ValueType* const type = type_of_result(function, name))
      outputs.push_back({name, *type});
  comparison.compare("input", described.inputs, inputs, "package_c3", "package_c4");
  comparison.compare("output", described.outputs, outputs, "package_c5", "package_c6");
  comparison.compare("state", described.states, states, "package_c7", "package_c8");
}

}  // namespace

const ValueType* type_of_result(const mil::Function& function, std::string_view name) {
  for (const mil::Operation& operation : function.block.operations)
    for (const NamedType& output : operation.outputs)
      if (output.name == name) return &output.type;
  const auto input = std::ranges::find(function.inputs, name, &NamedType::name);
  return input == function.inputs.end() ? nullptr : &input->type;
}

mil::Diagnostics check_agreement(const Package& package) {
  mil::Diagnostics faults;
  for (const FunctionDescription& described : package.functions) {
    const mil::Function* const function = package.program.find_function(described.name);
    if (function != nullptr)
      compare_function(described, *function, faults);
    else
      Comparison(described.name, faults)
          .add("package_c1", "the function is described, but not in the program");
  }
  for (const mil::Function& function : package.program.functions)
    if (package.find_function(function.name) == nullptr)
      Comparison(function.name, faults)
          .add("package_c2", "the function of the program is not described");
  return faults;
}

}  // namespace anemone::package
