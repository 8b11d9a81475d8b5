#include "package/write_description.h"

#include "base/error.h"
#include "package/wire_fields.h"
#include "package/write_feature.h"

namespace anemone::package {
namespace {

/// Fields of ModelDescription or FunctionDescription, which number them differently.
struct Fields {
  uint32_t input;
  uint32_t output;
  uint32_t state;
  uint32_t predicted_feature_name;
  uint32_t predicted_probabilities_name;
};
constexpr Fields kTop = {wire::ModelDescription::input, wire::ModelDescription::output,
                         wire::ModelDescription::state,
                         wire::ModelDescription::predictedFeatureName,
                         wire::ModelDescription::predictedProbabilitiesName};
constexpr Fields kFunction = {wire::FunctionDescription::input, wire::FunctionDescription::output,
                              wire::FunctionDescription::state,
                              wire::FunctionDescription::predictedFeatureName,
                              wire::FunctionDescription::predictedProbabilitiesName};

Status add_features(Writer& parent, uint32_t tag, const std::vector<Feature>& features) {
  for (const Feature& feature : features) {
    Status status;
    add_message(parent, tag, [&](Writer& message) { status = write_feature(message, feature); });
    ANEMONE_RETURN_IF_ERROR(std::move(status));
  }
  return {};
}

Status write_interface(Writer& message, const FunctionDescription& function, const Fields& fields) {
  ANEMONE_RETURN_IF_ERROR(add_features(message, fields.input, function.inputs));
  ANEMONE_RETURN_IF_ERROR(add_features(message, fields.output, function.outputs));
  ANEMONE_RETURN_IF_ERROR(add_features(message, fields.state, function.states));
  add_text(message, fields.predicted_feature_name, function.predicted_feature_name);
  add_text(message, fields.predicted_probabilities_name, function.predicted_probabilities_name);
  return {};
}

void write_metadata(Writer& message, const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) {
    const uint32_t own = key == "description" ? wire::Metadata::shortDescription
                         : key == "version"   ? wire::Metadata::versionString
                         : key == "author"    ? wire::Metadata::author
                         : key == "license"   ? wire::Metadata::license
                                              : wire::Metadata::userDefined;
    if (own != wire::Metadata::userDefined) {
      message.add_string(own, value);
      continue;
    }
    add_message(message, own, [&name = key, &text = value](Writer& entry) {
      entry.add_string(wire::MapEntry::key, name);
      entry.add_string(wire::MapEntry::value, text);
    });
  }
}

Status write_functions(Writer& message, const Package& package) {
  for (const FunctionDescription& function : package.functions) {
    Status status;
    add_message(message, wire::ModelDescription::functions, [&](Writer& inner) {
      inner.add_string(wire::FunctionDescription::name, function.name);
      status = write_interface(inner, function, kFunction);
    });
    ANEMONE_RETURN_IF_ERROR(std::move(status).in(fmt::format("function '{}'", function.name)));
  }
  if (package.find_function(package.default_function) == nullptr)
    return fail(ErrorCode::invalid_argument, "default function '{}' is none of the {} described",
                package.default_function, package.functions.size());
  message.add_string(wire::ModelDescription::defaultFunctionName, package.default_function);
  return {};
}

}  // namespace

Status write_description(Writer& message, const Package& package, const Metadata& metadata,
                         int64_t specification_version) {
  constexpr int64_t kFirstWithFunctions = 9;
  const bool at_top =
      package.functions.size() == 1 &&
      (package.functions[0].name == "main" || specification_version < kFirstWithFunctions);
  ANEMONE_RETURN_IF_ERROR(at_top ? write_interface(message, package.functions[0], kTop)
                                 : write_functions(message, package));
  add_message(message, wire::ModelDescription::metadata,
              [&](Writer& entries) { write_metadata(entries, metadata); });
  return {};
}

}  // namespace anemone::package
