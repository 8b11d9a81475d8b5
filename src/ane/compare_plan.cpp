#include <algorithm>
#include <optional>
#include <span>
#include <unordered_map>

#include "anemone/forecast.h"
#include "base/error.h"
#include "base/json_document.h"

namespace anemone::ane {
namespace {

constexpr std::string_view kFormat = "anemone-compute-plan";

Result<Unit> unit_of(const std::string& name) {
  for (const Unit unit : {Unit::cpu, Unit::gpu, Unit::neural_engine}) {
    if (to_string(unit) == name) return unit;
  }
  return fail(ErrorCode::corrupt, "preferred is '{}', expected cpu, gpu or neural_engine", name);
}

struct PlannedOperation {
  std::string function;
  std::string name;
  std::string type;
  Unit unit = Unit::cpu;
  std::optional<double> cost;
};

Result<const Json*> member(const Json& object, const char* key, Json::value_t kind) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end() || found->type() != kind) {
    return fail(ErrorCode::corrupt, "'{}' is missing or of the wrong kind", key);
  }
  return &*found;
}

Result<std::optional<PlannedOperation>> read_operation(const Json& json,
                                                       const std::string& function) {
  ANEMONE_TRY(const Json* type, member(json, "type", Json::value_t::string));
  ANEMONE_TRY(const Json* outputs, member(json, "outputs", Json::value_t::array));
  const auto preferred = json.find("preferred");
  if (preferred == json.end() || preferred->is_null()) return std::optional<PlannedOperation>();
  if (!preferred->is_string()) return fail(ErrorCode::corrupt, "preferred is no text");
  PlannedOperation operation{.function = function, .type = type->get<std::string>()};
  ANEMONE_TRY(operation.unit, unit_of(preferred->get<std::string>()));
  const bool named = !outputs->empty() && outputs->front().is_string();
  if (named) operation.name = outputs->front().get<std::string>();
  const auto cost = json.find("cost");
  if (cost != json.end() && cost->is_number()) operation.cost = cost->get<double>();
  if (operation.cost && !(*operation.cost >= 0))
    return fail(ErrorCode::corrupt, "a cost is negative");
  return std::optional(std::move(operation));
}

Result<std::vector<PlannedOperation>> read_operations(const Json& document) {
  ANEMONE_TRY(const Json* functions, member(document, "functions", Json::value_t::array));
  std::vector<PlannedOperation> planned;
  for (const Json& function : *functions) {
    ANEMONE_TRY(const Json* name, member(function, "name", Json::value_t::string));
    ANEMONE_TRY(const Json* operations, member(function, "operations", Json::value_t::array));
    for (const Json& json : *operations) {
      ANEMONE_TRY(auto operation, read_operation(json, name->get<std::string>()));
      if (operation) planned.push_back(*std::move(operation));
    }
  }
  return planned;
}

std::string text_of(const Json& document, const char* key) {
  const auto found = document.find(key);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string stem_of(const std::string& name) { return std::filesystem::path(name).stem().string(); }

/// The functions that the plan is of: those of the package it names, else all.
std::vector<const FunctionForecast*> functions_of(const Forecast& forecast,
                                                  const std::string& model) {
  std::vector<const FunctionForecast*> all;
  std::vector<const FunctionForecast*> named;
  for (const FunctionForecast& function : forecast.functions) {
    all.push_back(&function);
    if (!function.package.empty() && stem_of(function.package) == stem_of(model)) {
      named.push_back(&function);
    }
  }
  return named.empty() ? all : named;
}

using Predicted = std::unordered_map<std::string, const PlacedOperation*>;

Predicted predicted_units(const Forecast& forecast, const std::string& model) {
  Predicted predicted;
  for (const FunctionForecast* function : functions_of(forecast, model)) {
    for (const PlacedOperation& operation : function->operations) {
      predicted.emplace(function->function + '\n' + operation.name, &operation);
    }
  }
  return predicted;
}

double& share_of(PlanShares& shares, Unit unit) {
  switch (unit) {
    case Unit::gpu:
      return shares.gpu;
    case Unit::neural_engine:
      return shares.neural_engine;
    case Unit::cpu:
      break;
  }
  return shares.cpu;
}

std::optional<PlanShares> shares_of(std::span<const PlannedOperation> operations) {
  PlanShares shares;
  for (const PlannedOperation& operation : operations) {
    if (!operation.cost) return std::nullopt;
    share_of(shares, operation.unit) += *operation.cost;
  }
  const double whole = shares.cpu + shares.gpu + shares.neural_engine;
  if (whole <= 0) return std::nullopt;
  return PlanShares{shares.cpu / whole, shares.gpu / whole, shares.neural_engine / whole};
}

}  // namespace

Result<PlanComparison> compare_with_plan(const Forecast& forecast,
                                         const std::filesystem::path& plan) {
  ANEMONE_TRY(const Json document, read_json_object(plan));
  if (text_of(document, "format") != kFormat || document.value("version", Json(0)) != 1) {
    return fail(ErrorCode::corrupt, "{}: no {} of version 1", plan.string(), kFormat);
  }
  if (text_of(document, "device").empty())
    return with_hint(
        fail(ErrorCode::mismatch, "{}: it does not say which device made it", plan.string()),
        "a plan without its hardware is of no chip");
  auto read = read_operations(document);
  if (!read.ok()) return std::move(read).in(plan.string()).error();
  PlanComparison comparison{.device = text_of(document, "device"),
                            .operating_system = text_of(document, "operating_system")};
  const Predicted predicted = predicted_units(forecast, text_of(document, "model"));
  comparison.shares = shares_of(*read);
  for (const PlannedOperation& operation : *read) {
    const auto found = predicted.find(operation.function + '\n' + operation.name);
    const bool known = found != predicted.end();
    PlanDifference difference{.function = operation.function,
                              .operation = operation.name,
                              .type = operation.type,
                              .predicted = known ? found->second->unit : Unit::cpu,
                              .planned = operation.unit};
    if (operation.unit != Unit::neural_engine) comparison.off_engine.push_back(difference);
    if (!known) {
      ++comparison.unmatched;
      continue;
    }
    ++comparison.operations;
    if (difference.predicted == difference.planned) {
      ++comparison.agreeing;
    } else {
      comparison.differences.push_back(std::move(difference));
    }
  }
  if (comparison.operations == 0) {
    return with_hint(fail(ErrorCode::mismatch, "{} places no op of this model", plan.string()),
                     "a plan is of one package, and names its ops by their outputs");
  }
  return comparison;
}

}  // namespace anemone::ane
