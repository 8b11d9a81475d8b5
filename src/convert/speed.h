#pragma once

#include "anemone/convert.h"

namespace anemone::converter {

inline constexpr std::string_view kBandwidthSource =
    "measured Neural Engine bandwidth: anemll-bench, Results.MD (large fp16 LM head)";

/// By chip, the tokens a second that its Neural Engine's bandwidth allows.
std::vector<SpeedBound> speed_bounds(uint64_t bytes_per_token);

}  // namespace anemone::converter
