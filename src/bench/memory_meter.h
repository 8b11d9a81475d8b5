#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "anemone/bench.h"
#include "bench/clock.h"

namespace anemone::bench {

/// What the system says of this process' memory. Null values: it does not say.
class MemoryReader {
 public:
  virtual ~MemoryReader() = default;
  virtual std::optional<uint64_t> resident_bytes() = 0;
  /// Most of it since `reset_peak`, or since the process began when that returned false.
  virtual std::optional<uint64_t> peak_bytes() = 0;
  /// Gives freed memory back first, where the system's allocator can.
  virtual bool reset_peak() = 0;
  virtual const char* source() const = 0;
};

/// Of the machine this runs on: /proc/self on Linux, the physical footprint on macOS.
class SystemMemory : public MemoryReader {
 public:
  std::optional<uint64_t> resident_bytes() override;
  std::optional<uint64_t> peak_bytes() override;
  bool reset_peak() override;
  const char* source() const override;
};

/// The value in bytes of a line `VmHWM:  1234 kB` of /proc/self/status.
std::optional<uint64_t> status_bytes(std::string_view status, std::string_view key);

/// Memory over the time of one configuration.
class MemoryMeter {
 public:
  MemoryMeter(MemoryReader& reader, Clock& clock);
  /// To be called between requests.
  void sample();
  /// What was seen; weights and states are the caller's.
  Memory finish();

 private:
  MemoryReader& reader_;
  Clock& clock_;
  bool of_configuration_;
  int64_t start_ns_;
  std::vector<Memory::Point> series_;
};

}  // namespace anemone::bench
