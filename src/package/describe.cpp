#include <algorithm>
#include <array>

#include "anemone/package.h"
#include "base/error.h"
#include "package/agreement.h"
#include "package/type_numbers.h"

namespace anemone::package {
namespace {

using mil::ValueType;

/// How coremltools describes a value; results of unknown size have no shape.
Result<Feature> describe_value(const std::string& name, const ValueType& type, bool is_result) {
  const bool state = type.kind == ValueType::Kind::state;
  if (type.kind != ValueType::Kind::tensor && !state)
    return fail(ErrorCode::invalid_argument, "'{}' is {}: it has to be described by the caller",
                name, to_string(type));
  if (!array_number(type.tensor.dtype))
    return fail(ErrorCode::unsupported, "'{}' is {}: inputs and results are of {}", name,
                to_string(type), "fp16, fp32, fp64, int8 or int32");
  Feature feature;
  feature.name = name;
  feature.kind = state ? Feature::Kind::state : Feature::Kind::multi_array;
  feature.dtype = type.tensor.dtype;
  if (!type.tensor.variable_rank && type.tensor.shape.is_known()) {
    feature.shape.assign(type.tensor.shape.begin(), type.tensor.shape.end());
    if (feature.shape.empty()) feature.shape = {1};  // scalars
  } else if (!is_result) {
    return fail(ErrorCode::invalid_argument, "'{}' is {}: its shapes have to be described", name,
                to_string(type));
  }
  return feature;
}

/// Least version whose models may have such an input or result.
int64_t version_for(const ValueType& type) {
  if (type.kind == ValueType::Kind::state) return 9;
  if (type.kind != ValueType::Kind::tensor) return 6;
  return type.tensor.dtype == DType::int8 ? 10 : type.tensor.dtype == DType::fp16 ? 7 : 6;
}

}  // namespace

Result<FunctionDescription> describe(const mil::Function& function,
                                     std::span<const Feature> given) {
  FunctionDescription description;
  description.name = function.name;
  const auto add = [&](const std::string& name, const ValueType& type, bool is_result) -> Status {
    const auto known = std::ranges::find(given, name, &Feature::name);
    std::vector<Feature>& features = is_result                             ? description.outputs
                                     : type.kind == ValueType::Kind::state ? description.states
                                                                           : description.inputs;
    if (known != given.end()) {
      features.push_back(*known);
      return {};
    }
    auto feature = describe_value(name, type, is_result);
    if (!feature.ok())
      return std::move(feature).in(fmt::format("function '{}'", function.name)).error();
    features.push_back(std::move(feature).value());
    return {};
  };
  for (const mil::NamedType& input : function.inputs)
    ANEMONE_RETURN_IF_ERROR(add(input.name, input.type, false));
  for (const std::string& name : function.block.outputs) {
    const ValueType* const type = type_of_result(function, name);
    if (type == nullptr)
      return fail(ErrorCode::not_found, "function '{}': nothing computes the result '{}'",
                  function.name, name);
    ANEMONE_RETURN_IF_ERROR(add(name, *type, true));
  }
  return description;
}

int64_t specification_version(const mil::Program& program) {
  constexpr std::array<std::pair<int, int64_t>, 5> kOfOpset = {
      {{15, 6}, {16, 7}, {17, 8}, {18, 9}, {26, 10}}};
  int64_t version = program.functions.size() > 1 ? 9 : 6;
  for (const mil::Function& function : program.functions) {
    for (const auto& [opset, least] : kOfOpset)
      if (mil::opset_number(function.opset) == opset) version = std::max(version, least);
    for (const mil::NamedType& input : function.inputs)
      version = std::max(version, version_for(input.type));
    for (const std::string& name : function.block.outputs)
      if (const ValueType* const type = type_of_result(function, name))
        version = std::max(version, version_for(*type));
  }
  return version;
}

}  // namespace anemone::package
