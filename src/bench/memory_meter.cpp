#include "bench/memory_meter.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <string>

#include "base/peak_memory.h"

#ifdef __APPLE__
#include <mach/mach.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace anemone::bench {

std::optional<uint64_t> status_bytes(std::string_view status, std::string_view key) {
  size_t at = 0;
  while (at < status.size()) {
    const size_t end = std::min(status.find('\n', at), status.size());
    std::string_view line = status.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(key) || line.substr(key.size()).substr(0, 1) != ":") continue;
    line.remove_prefix(key.size() + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    uint64_t kilobytes = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), kilobytes);
    if (error != std::errc() || std::string_view(stop, line.data() + line.size()) != " kB")
      return {};
    return kilobytes * 1024;
  }
  return {};
}

#ifdef __APPLE__

namespace {
std::optional<task_vm_info_data_t> vm_info() {
  task_vm_info_data_t info{};
  mach_msg_type_number_t count = TASK_VM_INFO_COUNT;
  const auto task = mach_task_self();
  if (task_info(task, TASK_VM_INFO, reinterpret_cast<task_info_t>(&info), &count) != KERN_SUCCESS)
    return {};
  return info;
}
}  // namespace

std::optional<uint64_t> SystemMemory::resident_bytes() {
  const auto info = vm_info();
  return info ? std::optional<uint64_t>(info->phys_footprint) : std::nullopt;
}
std::optional<uint64_t> SystemMemory::peak_bytes() {
  const auto info = vm_info();
  if (!info) return {};
  return static_cast<uint64_t>(info->ledger_phys_footprint_peak);
}
bool SystemMemory::reset_peak() { return false; }
const char* SystemMemory::source() const { return "task_info phys_footprint"; }

#else

namespace {
std::optional<uint64_t> own_status(std::string_view key) {
  std::ifstream file("/proc/self/status");
  const std::string status{std::istreambuf_iterator<char>(file), {}};
  return status_bytes(status, key);
}
}  // namespace

std::optional<uint64_t> SystemMemory::resident_bytes() { return own_status("VmRSS"); }

std::optional<uint64_t> SystemMemory::peak_bytes() {
  if (const auto peak = own_status("VmHWM")) return peak;
  const uint64_t peak = peak_memory_bytes();
  return peak == 0 ? std::nullopt : std::optional(peak);
}

bool SystemMemory::reset_peak() {
#ifdef __GLIBC__
  malloc_trim(0);  // what earlier work has freed is no part of the next peak
#endif
  std::ofstream file("/proc/self/clear_refs");
  file << "5";
  file.close();
  return !file.fail();
}

const char* SystemMemory::source() const { return "/proc/self/status"; }

#endif

MemoryMeter::MemoryMeter(MemoryReader& reader, Clock& clock)
    : reader_(reader),
      clock_(clock),
      of_configuration_(reader.reset_peak()),
      start_ns_(clock.now_ns()) {
  sample();
}

void MemoryMeter::sample() {
  if (const auto bytes = reader_.resident_bytes())
    series_.push_back({clock_.now_ns() - start_ns_, *bytes});
}

Memory MemoryMeter::finish() {
  sample();
  Memory memory;
  memory.series = std::move(series_);
  memory.peak_rss_bytes = reader_.peak_bytes();
  memory.peak_is_own = memory.peak_rss_bytes && of_configuration_;
  if (memory.peak_rss_bytes || !memory.series.empty())
    memory.source = std::string(reader_.source()) +
                    (of_configuration_ ? ", peak of the configuration" : ", peak of the process");
  else
    memory.reason = "the system does not say";
  return memory;
}

}  // namespace anemone::bench
