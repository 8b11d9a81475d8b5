#include "package/describe_function.h"

#include <algorithm>

namespace anemone::package {
namespace {

Feature feature_of(const mil::NamedType& value) {
  Feature feature;
  feature.name = value.name;
  feature.kind = value.type.kind == mil::ValueType::Kind::state ? Feature::Kind::state
                                                                : Feature::Kind::multi_array;
  feature.dtype = value.type.tensor.dtype;
  const auto dims = value.type.tensor.shape.dims();
  feature.shape.assign(dims.begin(), dims.end());
  return feature;
}

}  // namespace

FunctionDescription describe_function(const mil::Function& function) {
  FunctionDescription description;
  description.name = function.name;
  for (const mil::NamedType& input : function.inputs)
    (input.type.kind == mil::ValueType::Kind::state ? description.states : description.inputs)
        .push_back(feature_of(input));
  for (const std::string& name : function.block.outputs)
    for (const mil::Operation& operation : function.block.operations) {
      const auto found = std::ranges::find(operation.outputs, name, &mil::NamedType::name);
      if (found != operation.outputs.end()) description.outputs.push_back(feature_of(*found));
    }
  return description;
}

}  // namespace anemone::package
