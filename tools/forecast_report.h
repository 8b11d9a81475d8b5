#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "anemone/forecast.h"

/// What `anemone check` predicts of an artifact, as text and JSON. Every figure says that it is
/// predicted, or that Core ML planned it.
namespace anemone::tools {

struct ArtifactForecast {
  std::filesystem::path path;
  std::optional<ane::Forecast> forecast;
  std::string missing;      ///< why there is none.
  bool unreadable = false;  ///< the artifact itself could not be read.
  std::string plan;         ///< the file that the comparison is with.
  std::optional<ane::PlanComparison> comparison;
};

/// "model.mlpackage: main".
std::string function_name(const ane::FunctionForecast& function);

/// "cut at 'scan' (cumsum): never placed there; 1 op; a fix saves 0.400 ms, predicted".
std::string cut_text(const ane::FunctionForecast& function, const ane::Interruption& cut);

/// Every function and op that stays off the Neural Engine when `verbose`, else the first ones.
std::string forecast_text(const ArtifactForecast& artifact, bool verbose);

nlohmann::ordered_json forecast_json(const ArtifactForecast& artifact);

}  // namespace anemone::tools
