#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "anemone/package.h"

namespace anemone::tools {

/// "fp16 [1, 64] range 1..512": what an input, output or state takes, for people.
std::string feature_text(const package::Feature& feature);

/// The same for programs: kind, dtype, shape, ranges.
nlohmann::ordered_json feature_json(const package::Feature& feature);

}  // namespace anemone::tools
