#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "anemone/simulate.h"

/// What `anemone check --run-text` found, as text and JSON. Every line says that it is simulated,
/// or the heading above it does.
namespace anemone::tools {

/// `verbose`: activations too.
std::string simulation_text(const simulate::Report& report, bool verbose);
nlohmann::ordered_json simulation_json(const simulate::Report& report);

}  // namespace anemone::tools
