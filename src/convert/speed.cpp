#include "convert/speed.h"

#include "ane/chip.h"

namespace anemone::converter {

std::vector<SpeedBound> speed_bounds(uint64_t bytes_per_token) {
  std::vector<SpeedBound> bounds;
  for (const ane::Chip& chip : ane::all_chips())
    if (chip.ane_bandwidth.source == ane::kAnemllBench)
      bounds.push_back({chip.name, chip.ane_bandwidth.value,
                        chip.ane_bandwidth.value * 1e9 / static_cast<double>(bytes_per_token)});
  return bounds;
}

}  // namespace anemone::converter
