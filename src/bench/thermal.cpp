#include "bench/thermal.h"

#include <algorithm>
#include <fstream>
#include <system_error>

namespace anemone::bench {

std::optional<double> hottest_zone(const std::filesystem::path& folder) {
  std::optional<double> hottest;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (!entry->path().filename().string().starts_with("thermal_zone")) continue;
    std::ifstream file(entry->path() / "temp");
    double thousandths = 0;
    if (file >> thousandths) hottest = std::max(hottest.value_or(-1e9), thousandths / 1000);
  }
  return hottest;
}

}  // namespace anemone::bench
