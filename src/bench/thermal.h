#pragma once

#include <filesystem>
#include <optional>

namespace anemone::bench {

inline constexpr const char* kThermalZones = "/sys/class/thermal";

/// The hottest of the system's thermal zones (`folder` is kThermalZones), in degrees Celsius.
std::optional<double> hottest_zone(const std::filesystem::path& folder);

}  // namespace anemone::bench
