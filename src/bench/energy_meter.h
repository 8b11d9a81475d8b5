#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "anemone/bench.h"

namespace anemone::bench {

/// Energy of the whole machine, or of the parts of it that say, between two moments.
class EnergyMeter {
 public:
  virtual ~EnergyMeter() = default;
  virtual void begin() = 0;
  /// To be called now and then, at least once each time a counter may go round (some minutes).
  virtual void tick() = 0;
  /// Joules and rails since `begin`; all per token is the caller's.
  virtual Energy end() = 0;
  /// The worst thermal pressure since `begin`; empty: not known.
  virtual std::string pressure() const { return {}; }
};

/// The worse of two pressures; an empty one is not known.
std::string worse_pressure(const std::string& first, const std::string& second);

inline constexpr const char* kPowercap = "/sys/class/powercap";

/// Running average power limit counters of Linux (Intel and AMD): `powercap` is
/// kPowercap. Packages and memory add up to the joules; their parts are rails.
std::unique_ptr<EnergyMeter> make_rapl_meter(const std::filesystem::path& powercap);

/// What another program logs while this one runs, on the same machine's clock: powermetrics -f
/// plist, or macmon pipe. `lateness`: how long after a moment its line may appear.
std::unique_ptr<EnergyMeter> make_log_meter(
    const std::filesystem::path& log,
    std::chrono::milliseconds lateness = std::chrono::milliseconds(1500));

}  // namespace anemone::bench
