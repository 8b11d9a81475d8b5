#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "bench/energy_meter.h"

namespace anemone::bench {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return {};
  return line;
}

std::optional<uint64_t> read_number(const fs::path& path) {
  const auto line = read_line(path);
  uint64_t number = 0;
  if (!line) return {};
  const auto [stop, error] = std::from_chars(line->data(), line->data() + line->size(), number);
  if (error != std::errc() || stop != line->data() + line->size()) return {};
  return number;
}

struct Zone {
  fs::path counter;
  std::string name;
  bool counts = false;  ///< towards the joules: no part of another zone that does.
  uint64_t range = 0;   ///< microjoules at which the counter goes round.
  uint64_t last = 0;
  uint64_t microjoules = 0;
  bool failed = false;  ///< a read did, and what the counter counts since is not known.
};

class Rapl : public EnergyMeter {
 public:
  explicit Rapl(const fs::path& powercap) {
    std::error_code error;
    std::vector<fs::path> found;
    for (auto entry = fs::directory_iterator(powercap, error);
         !error && entry != fs::directory_iterator(); entry.increment(error))
      if (entry->path().filename().string().find("-rapl:") != std::string::npos)
        found.push_back(entry->path());
    std::ranges::sort(found);
    for (const fs::path& path : found) add(path);
    if (found.empty())
      reason_ = fmt::format("{} has no RAPL counters", powercap.string());
    else if (zones_.empty())
      reason_ = unreadable((found.front() / "energy_uj"));
    else if (reason_.empty() && std::ranges::none_of(zones_, &Zone::counts))
      reason_ = fmt::format("{} has no counter of a package", powercap.string());
  }

  void begin() override {
    for (Zone& zone : zones_) {
      const auto now = read_number(zone.counter);
      zone.failed = !now;
      zone.last = now.value_or(0);
      zone.microjoules = 0;
    }
  }

  void tick() override {
    for (Zone& zone : zones_) {
      const auto now = read_number(zone.counter);
      zone.failed = zone.failed || !now;
      if (zone.failed) continue;
      zone.microjoules += *now >= zone.last ? *now - zone.last : zone.range - zone.last + *now;
      zone.last = *now;
    }
  }

  Energy end() override {
    tick();
    Energy energy{.reason = reason_};
    if (zones_.empty()) return energy;
    double joules = 0;
    for (const Zone& zone : zones_) {
      if (zone.failed) {
        if (zone.counts) energy.reason = zone.counter.string() + " could not be read all the time";
        continue;
      }
      const double own = static_cast<double>(zone.microjoules) * 1e-6;
      energy.rails[zone.name] += own;
      if (zone.counts) joules += own;
    }
    if (energy.reason.empty()) energy.joules = joules;
    energy.source = "RAPL";
    return energy;
  }

 private:
  static std::string unreadable(const fs::path& counter) {
    return fmt::format("{} cannot be read: the counters are for the administrator",
                       counter.string());
  }

  /// "intel-rapl:0" is a package, "intel-rapl:0:2" a part of it; memory is no part of it, and
  /// "psys", the whole machine, counts the others again.
  void add(const fs::path& path) {
    const auto name = read_line(path / "name");
    if (!name) return;
    const std::string folder = path.filename().string();
    const bool top = std::ranges::count(folder, ':') == 1;
    const std::string zone = folder.substr(folder.find(':') + 1);
    const bool package = top && name->starts_with("package");
    const auto range = read_number(path / "max_energy_range_uj");
    if (!range || !read_number(path / "energy_uj")) {
      // Without one of the parts that add up there is no sum.
      if (package || *name == "dram") reason_ = unreadable(path / "energy_uj");
      return;
    }
    zones_.push_back(
        {.counter = path / "energy_uj",
         .name = top ? *name : fmt::format("{} {}", *name, zone.substr(0, zone.find(':'))),
         .counts = package || *name == "dram",
         .range = *range});
  }

  std::vector<Zone> zones_;
  std::string reason_;
};

}  // namespace

std::unique_ptr<EnergyMeter> make_rapl_meter(const fs::path& powercap) {
  return std::make_unique<Rapl>(powercap);
}

}  // namespace anemone::bench
