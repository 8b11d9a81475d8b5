#include "anemone/package.h"

#include <algorithm>

namespace anemone::package {
namespace {

const Feature* find_feature(const std::vector<Feature>& features, std::string_view name) {
  const auto found = std::ranges::find(features, name, &Feature::name);
  return found == features.end() ? nullptr : &*found;
}

}  // namespace

const char* to_string(Form form) {
  switch (form) {
    case Form::mlpackage:
      return "mlpackage";
    case Form::mlmodelc:
      return "mlmodelc";
    case Form::mlmodel:
      return "mlmodel";
  }
  return "unknown";
}

const Feature* FunctionDescription::find_input(std::string_view wanted) const {
  return find_feature(inputs, wanted);
}

const Feature* FunctionDescription::find_output(std::string_view wanted) const {
  return find_feature(outputs, wanted);
}

const FunctionDescription* Package::find_function(std::string_view name) const {
  const auto found = std::ranges::find(functions, name, &FunctionDescription::name);
  return found == functions.end() ? nullptr : &*found;
}

}  // namespace anemone::package
