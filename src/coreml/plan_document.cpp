#include "coreml/plan_document.h"

#include <nlohmann/json.hpp>

namespace anemone::coreml {

std::string release_of(const std::string& system_version) {
  const size_t begin = system_version.find_first_of("0123456789");
  if (begin == std::string::npos) return system_version;
  const size_t end = system_version.find_first_not_of("0123456789.", begin);
  return system_version.substr(begin, end == std::string::npos ? end : end - begin);
}

std::string plan_document(const PlanSource& source, std::span<const PlannedFunction> functions) {
  using Json = nlohmann::ordered_json;
  Json document = {{"format", "anemone-compute-plan"},
                   {"version", 1},
                   {"model", source.model},
                   {"device", source.device},
                   {"operating_system", source.operating_system},
                   {"compute_units", runtime::to_string(source.compute_units)},
                   {"functions", Json::array()}};
  for (const PlannedFunction& function : functions) {
    Json operations = Json::array();
    for (const PlannedOperation& operation : function.operations)
      operations.push_back(
          {{"type", operation.type},
           {"outputs", operation.outputs},
           {"preferred", operation.preferred.empty() ? Json() : Json(operation.preferred)},
           {"supported", operation.supported},
           {"cost", operation.cost ? Json(*operation.cost) : Json()}});
    document["functions"].push_back(
        {{"name", function.name}, {"operations", std::move(operations)}});
  }
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::coreml
