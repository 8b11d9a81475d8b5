#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "anemone/compress.h"

namespace anemone::tools {

/// One object for each weight; an error that is not known is null.
nlohmann::ordered_json weights_json(const std::vector<CompressedWeight>& weights);

/// One object for each constant that was left.
nlohmann::ordered_json left_json(const std::vector<LeftWeight>& left);

/// A line for each part and reason, and, if wanted, one for each constant. What is of no part, such
/// as tables of positions, is there only where each is wanted. Empty without any.
std::string left_text(const std::vector<LeftWeight>& left, bool each_weight);

/// ", nothing of head" where a spec was asked for that names parts, and nothing of them was
/// compressed; else empty. `quantize` is the spec as reports spell it.
std::string nothing_of_text(const std::string& asked, const std::string& quantize,
                            const std::vector<CompressedWeight>& weights);

/// A line for each part and scheme, and, if wanted, one for each weight. Empty without weights.
std::string weights_text(const std::vector<CompressedWeight>& weights, bool each_weight);

}  // namespace anemone::tools
