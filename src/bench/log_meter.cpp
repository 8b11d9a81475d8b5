#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/json_document.h"
#include "bench/energy_meter.h"
#include "bench/power_log.h"

namespace anemone::bench {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

constexpr std::array<std::string_view, 5> kPressures = {"nominal", "moderate", "heavy", "trapping",
                                                        "sleeping"};

/// Of a run this long, a second that is another's is a twentieth.
constexpr double kSecondsOfFewPercent = 20;

class LogMeter : public EnergyMeter {
 public:
  LogMeter(std::filesystem::path path, std::chrono::milliseconds lateness)
      : path_(std::move(path)), lateness_(lateness) {}

  void begin() override { from_s_ = now_s(); }
  void tick() override {}

  Energy end() override {
    const double to_s = now_s();
    std::this_thread::sleep_for(lateness_);
    Energy energy;
    pressure_.clear();
    const auto text = read_text(path_);
    if (!text.ok()) {
      energy.reason = text.error().to_string();
      return energy;
    }
    const auto samples = parse_power_log(*text);
    if (!samples.ok()) {
      energy.reason = fmt::format("{}: {}", path_.string(), samples.error().to_string());
      return energy;
    }
    for (const PowerSample& sample : *samples)
      if (sample.end_s > from_s_ && sample.end_s - sample.seconds < to_s) note(sample.pressure);
    IntegratedPower power = integrate_power(*samples, from_s_, to_s);
    energy.rails = std::move(power.joules);
    energy.source = path_.filename().string();
    if (!power.gaps.empty()) {
      energy.reason = fmt::format("{} has no power of {} for a tenth of the time or more",
                                  path_.string(), fmt::join(power.gaps, ", "));
      return energy;
    }
    if (energy.rails.empty()) {
      energy.reason = fmt::format("{} has no power of this time", path_.string());
      return energy;
    }
    double joules = 0;
    std::string rails;
    for (const auto& [rail, own] : energy.rails) {
      joules += own;
      rails += (rails.empty() ? "" : " + ") + rail;
    }
    energy.joules = joules;
    energy.source += ": " + rails;
    if (to_s - from_s_ < kSecondsOfFewPercent && samples->front().in_whole_seconds)
      energy.source += fmt::format(", by whole seconds: up to one of these {:.1f} may be another's",
                                   to_s - from_s_);
    return energy;
  }

  std::string pressure() const override { return pressure_; }

 private:
  void note(const std::string& pressure) { pressure_ = worse_pressure(pressure_, pressure); }

  std::filesystem::path path_;
  std::chrono::milliseconds lateness_;
  double from_s_ = 0;
  std::string pressure_;
};

}  // namespace

std::string worse_pressure(const std::string& first, const std::string& second) {
  // A word that is not known is no pressure.
  const auto rank = [](std::string_view word) {
    const auto found = std::ranges::find(kPressures, word);
    return found == kPressures.end() ? -1 : found - kPressures.begin();
  };
  return rank(second) > rank(first) ? second : first;
}

std::unique_ptr<EnergyMeter> make_log_meter(const std::filesystem::path& log,
                                            std::chrono::milliseconds lateness) {
  return std::make_unique<LogMeter>(log, lateness);
}

}  // namespace anemone::bench
