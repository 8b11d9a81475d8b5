#pragma once

#include <filesystem>
#include <optional>

namespace anemone::bench {

/// The hottest of the system's thermal zones (`folder` is /sys/class/thermal), in degrees Celsius.
std::optional<double> hottest_zone(const std::filesystem::path& folder);

}  // namespace anemone::bench
