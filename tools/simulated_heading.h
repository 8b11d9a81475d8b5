#pragma once

#include <string_view>

namespace anemone::tools {

/// Above figures that come of Numerics::ane.
inline constexpr std::string_view kSimulatedHeading =
    "simulated in the Neural Engine's arithmetic, not measured:\n";

}  // namespace anemone::tools
