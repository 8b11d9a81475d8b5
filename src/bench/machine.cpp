#include "bench/machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <thread>

#include "base/physical_memory.h"
#include "kernels/kernels.h"

#ifdef __APPLE__
#include <sys/sysctl.h>
#else
#include <sched.h>
#endif

namespace anemone::bench {
namespace {

namespace fs = std::filesystem;

#ifdef __APPLE__
std::string processor_name() {
  char name[256] = {};
  size_t length = sizeof(name) - 1;
  return sysctlbyname("machdep.cpu.brand_string", name, &length, nullptr, 0) == 0 ? name : "";
}
int usable_cores() { return static_cast<int>(std::thread::hardware_concurrency()); }
#else
/// After "model name" or, on processors that have none, "Hardware".
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name") && !line.starts_with("Hardware")) continue;
    const size_t colon = line.find(':');
    const size_t begin = line.find_first_not_of(" \t", std::min(colon, line.size() - 1) + 1);
    if (begin != std::string::npos) return line.substr(begin);
  }
  return {};
}
int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());
}
#endif

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// "32M" and the like; 0 where it is none.
uint64_t size_of(const std::string& text) {
  uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return 0;
  const std::string_view unit(stop, text.data() + text.size());
  return unit == "K" ? number << 10 : unit == "M" ? number << 20 : 0;
}

/// Of one processor.
struct LastCache {
  uint64_t bytes = 0;
  std::string sharers;
};

LastCache last_cache(const fs::path& processor) {
  LastCache last;
  std::error_code error;
  for (auto entry = fs::directory_iterator(processor / "cache", error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const uint64_t bytes = size_of(first_line(entry->path() / "size"));
    if (bytes <= last.bytes) continue;
    last = {bytes, first_line(entry->path() / "shared_cpu_list")};
    if (last.sharers.empty()) last.sharers = processor.filename().string();
  }
  return last;
}

constexpr uint64_t kLeastRead = uint64_t{256} << 20;
constexpr int kPasses = 3;

}  // namespace

std::string Machine::identity() const {
  return fmt::format("{}, {}, {} cores{}", cpu, architecture, cores,
                     accelerator.empty() ? "" : ", " + accelerator);
}

Machine find_machine() {
  Machine machine;
  utsname system{};
  if (uname(&system) == 0) {
    machine.architecture = system.machine;
    machine.os = fmt::format("{} {}", system.sysname, system.release);
  }
  machine.cpu = processor_name();
  if (machine.cpu.empty()) machine.cpu = "unknown processor";
  if (machine.cpu.starts_with("Apple ")) machine.accelerator = "Apple Neural Engine";
  machine.cores = usable_cores();
  machine.memory_bytes = physical_memory_bytes();
  machine.cache_bytes = cache_bytes_in("/sys/devices/system/cpu");
  return machine;
}

uint64_t cache_bytes_in(const fs::path& folder) {
  std::map<std::string, uint64_t> by_sharers;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const LastCache last = last_cache(entry->path());
    if (last.bytes > 0) by_sharers[last.sharers] = last.bytes;
  }
  uint64_t sum = 0;
  for (const auto& [sharers, bytes] : by_sharers) sum += bytes;
  return sum;
}

double measure_bandwidth(Clock& clock, int threads, uint64_t cache_bytes) {
  const uint64_t bytes = std::max(kLeastRead, 4 * cache_bytes);
  if (bytes > physical_memory_bytes() / 8) return 0;
  const auto count = static_cast<size_t>(std::max(threads, 1));
  std::vector<uint64_t> words(bytes / sizeof(uint64_t), 1);
  std::vector<uint64_t> sums(count);
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const int64_t start = clock.now_ns();
    std::vector<std::thread> readers;
    for (size_t i = 0; i < count; ++i)
      readers.emplace_back([&, i] {
        const size_t begin = words.size() / count * i;
        const size_t end = i + 1 == count ? words.size() : words.size() / count * (i + 1);
        uint64_t sum[8] = {};
        for (size_t at = begin; at + 8 <= end; at += 8)
          for (size_t lane = 0; lane < 8; ++lane) sum[lane] += words[at + lane];
        for (const uint64_t lane : sum) sums[i] += lane;
      });
    for (std::thread& reader : readers) reader.join();
    const int64_t ns = clock.now_ns() - start;
    if (ns > 0) best = std::max(best, static_cast<double>(bytes) * 1e9 / static_cast<double>(ns));
  }
  const bool read_all = std::ranges::all_of(sums, [](uint64_t sum) { return sum > 0; });
  return read_all ? best : 0;
}

std::string kernel_isa(runtime::Isa asked) {
  return asked == runtime::Isa::automatic ? std::string(kernels::kernel_sets().back().isa)
                                          : to_string(asked);
}

double used_cpu_seconds() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

namespace {

#ifdef POSIX_FADV_DONTNEED

/// Share of a file's pages that memory holds; 1 where the system does not say.
double resident_share(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return 1;
  const auto bytes = static_cast<size_t>(status.st_size);
  if (bytes == 0) return 0;
  void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) return 1;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((bytes + page - 1) / page);
  const bool told = ::mincore(mapped, bytes, pages.data()) == 0;
  ::munmap(mapped, bytes);
  if (!told) return 1;
  const auto held = std::ranges::count_if(pages, [](unsigned char one) { return (one & 1U) != 0; });
  return static_cast<double>(held) / static_cast<double>(pages.size());
}

constexpr double kLeftOver = 0.01;

bool drop_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  // Pages that were written and are not on the disk yet stay otherwise. Success says nothing: a
  // file system in memory grants the wish and keeps the pages.
  const bool dropped = ::fdatasync(descriptor) == 0 &&
                       ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
                       resident_share(descriptor) <= kLeftOver;
  ::close(descriptor);
  return dropped;
}

#else

bool drop_file(const fs::path&) { return false; }

#endif

}  // namespace

bool drop_from_page_cache(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return drop_file(path);
  bool all = true;
  bool any = false;
  for (auto entry = fs::recursive_directory_iterator(path, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!entry->is_regular_file(error)) continue;
    any = true;
    all = drop_file(entry->path()) && all;
  }
  return any && all && !error;
}

}  // namespace anemone::bench
