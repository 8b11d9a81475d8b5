#include "convert/speed.h"

#include <array>
#include <utility>

namespace anemone::converter {
namespace {

/// GB/s. Source: `kBandwidthSource`.
constexpr std::array<std::pair<std::string_view, double>, 13> kChips = {{{"m1", 60.9},
                                                                         {"m1pro", 54.9},
                                                                         {"m1max", 54.6},
                                                                         {"m1ultra", 54.7},
                                                                         {"m2", 60.5},
                                                                         {"m2max", 62.0},
                                                                         {"m2ultra", 61.7},
                                                                         {"m3", 63.1},
                                                                         {"m3max", 120.2},
                                                                         {"m4", 64.2},
                                                                         {"m4pro", 126.4},
                                                                         {"m4max", 118.9},
                                                                         {"m5", 70.2}}};

}  // namespace

std::vector<SpeedBound> speed_bounds(uint64_t bytes_per_token) {
  std::vector<SpeedBound> bounds;
  for (const auto& [chip, bandwidth] : kChips)
    bounds.push_back({chip, bandwidth, bandwidth * 1e9 / static_cast<double>(bytes_per_token)});
  return bounds;
}

}  // namespace anemone::converter
