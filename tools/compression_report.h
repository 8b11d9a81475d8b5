#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "anemone/compress.h"

namespace anemone::tools {

/// One object for each weight; an error that is not known is null.
nlohmann::ordered_json weights_json(const std::vector<CompressedWeight>& weights);

/// A line for each part and scheme, and, if wanted, one for each weight. Empty without weights.
std::string weights_text(const std::vector<CompressedWeight>& weights, bool each_weight);

}  // namespace anemone::tools
