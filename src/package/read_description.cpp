#include "package/read_description.h"

#include <algorithm>

#include "package/read_feature.h"
#include "package/wire_fields.h"

namespace anemone::package {
namespace {

Status add_feature(const Field& field, std::vector<Feature>& features) {
  ANEMONE_TRY(const Message message, field.message("FeatureDescription"));
  ANEMONE_TRY(Feature feature, read_feature(message));
  if (std::ranges::find(features, feature.name, &Feature::name) != features.end())
    return field.wrong(fmt::format("a second feature '{}'", feature.name));
  features.push_back(std::move(feature));
  return {};
}

Result<FunctionDescription> read_function(const Message& message) {
  FunctionDescription function;
  auto status = read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::FunctionDescription::name: {
        ANEMONE_TRY(function.name, field.text());
        return {};
      }
      case wire::FunctionDescription::input:
        return add_feature(field, function.inputs);
      case wire::FunctionDescription::output:
        return add_feature(field, function.outputs);
      case wire::FunctionDescription::state:
        return add_feature(field, function.states);
      case wire::FunctionDescription::predictedFeatureName: {
        ANEMONE_TRY(function.predicted_feature_name, field.text());
        return {};
      }
      case wire::FunctionDescription::predictedProbabilitiesName: {
        ANEMONE_TRY(function.predicted_probabilities_name, field.text());
        return {};
      }
    }
    return field.skip(), Status();
  });
  if (!status.ok())
    return std::move(status).in(fmt::format("description of function '{}'", function.name)).error();
  return function;
}

Status add_user_defined(const Field& field, std::map<std::string, std::string>& metadata) {
  ANEMONE_TRY(const Message entry, field.message("map entry"));
  std::string key;
  std::string value;
  ANEMONE_RETURN_IF_ERROR(read_fields(entry, [&](const Field& inner) -> Status {
    if (inner.number() != wire::MapEntry::key && inner.number() != wire::MapEntry::value)
      return inner.skip(), Status();
    ANEMONE_TRY((inner.number() == wire::MapEntry::key ? key : value), inner.text());
    return {};
  }));
  metadata.emplace(std::move(key), std::move(value));
  return {};
}

Status read_metadata(const Message& message, std::map<std::string, std::string>& metadata) {
  return read_fields(message, [&](const Field& field) -> Status {
    const char* const key = field.number() == wire::Metadata::shortDescription ? "description"
                            : field.number() == wire::Metadata::versionString  ? "version"
                            : field.number() == wire::Metadata::author         ? "author"
                            : field.number() == wire::Metadata::license        ? "license"
                                                                               : nullptr;
    if (field.number() == wire::Metadata::userDefined) return add_user_defined(field, metadata);
    if (key == nullptr) return field.skip(), Status();
    ANEMONE_TRY(std::string text, field.text());
    if (!text.empty()) metadata.insert_or_assign(key, std::move(text));
    return {};
  });
}

}  // namespace

Result<ModelDescription> read_description(const Message& message) {
  ModelDescription description;
  FunctionDescription& top = description.top;
  auto status = read_fields(message, [&](const Field& field) -> Status {
    switch (field.number()) {
      case wire::ModelDescription::input:
        return add_feature(field, top.inputs);
      case wire::ModelDescription::output:
        return add_feature(field, top.outputs);
      case wire::ModelDescription::state:
        return add_feature(field, top.states);
      case wire::ModelDescription::predictedFeatureName: {
        ANEMONE_TRY(top.predicted_feature_name, field.text());
        return {};
      }
      case wire::ModelDescription::predictedProbabilitiesName: {
        ANEMONE_TRY(top.predicted_probabilities_name, field.text());
        return {};
      }
      case wire::ModelDescription::functions: {
        ANEMONE_TRY(const Message inner, field.message("FunctionDescription"));
        ANEMONE_TRY(FunctionDescription function, read_function(inner));
        if (std::ranges::find(description.functions, function.name, &FunctionDescription::name) !=
            description.functions.end())
          return field.wrong(fmt::format("a second function '{}'", function.name));
        description.functions.push_back(std::move(function));
        return {};
      }
      case wire::ModelDescription::defaultFunctionName: {
        ANEMONE_TRY(description.default_function, field.text());
        return {};
      }
      case wire::ModelDescription::metadata: {
        ANEMONE_TRY(const Message inner, field.message("Metadata"));
        return read_metadata(inner, description.metadata);
      }
    }
    return field.skip(), Status();
  });
  if (!status.ok()) return std::move(status).in("model description").error();
  return description;
}

}  // namespace anemone::package
