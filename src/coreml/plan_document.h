#pragma once

#include <span>
#include <string>

#include "anemone/model.h"
#include "coreml/framework.h"

namespace anemone::coreml {

struct PlanSource {
  std::string model;  ///< file name of the package.
  std::string device;
  std::string operating_system;
  runtime::ComputeUnits compute_units = runtime::ComputeUnits::all;
};

/// "15.5" of "Version 15.5 (Build 24F74)".
std::string release_of(const std::string& system_version);

/// The document of docs/compute-plan.md.
std::string plan_document(const PlanSource& source, std::span<const PlannedFunction> functions);

}  // namespace anemone::coreml
