#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <thread>

#include "bench/energy_meter.h"
#include "bench/machine.h"
#include "bench/memory_meter.h"
#include "bench/power_log.h"
#include "bench/thermal.h"
#include "support/scratch_folder.h"

namespace anemone::bench {
namespace {

TEST(Memory, IsReadFromTheLinesOfStatus) {
  const std::string status =
      "Name:\tanemone\nVmPeak:\t  99 kB\nVmHWM:\t  1234 kB\nVmRSS:\t 12 MB\n";
  EXPECT_EQ(status_bytes(status, "VmHWM"), 1234U * 1024);
  EXPECT_FALSE(status_bytes(status, "VmRSS"));
  EXPECT_FALSE(status_bytes(status, "VmSwap"));
  EXPECT_FALSE(status_bytes(status, "Vm"));
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
TEST(Memory, WhatEarlierWorkHasFreedIsInNoLaterPeak) {
  // Pieces below one that is held: the allocator keeps them when they are freed.
  constexpr size_t kPieces = size_t{64} << 10;
  std::vector<std::unique_ptr<std::array<char, 1024>>> pieces(kPieces);
  for (auto& piece : pieces) {
    piece = std::make_unique<std::array<char, 1024>>();
    piece->fill(1);
  }
  const auto held = std::make_unique<std::array<char, 1024>>();
  pieces.clear();
  SystemMemory memory;
  const auto before = memory.resident_bytes();
  ASSERT_TRUE(memory.reset_peak());
  const auto after = memory.resident_bytes();
  ASSERT_TRUE(before && after);
  EXPECT_LT(*after + kPieces * 512, *before);
  EXPECT_LT(memory.peak_bytes().value() + kPieces * 512, *before);
}
#endif

TEST(Memory, S0_13_OfThisProcessGrowsWithWhatItHolds) {
  SystemMemory memory;
  const auto before = memory.resident_bytes();
  ASSERT_TRUE(before);
  constexpr size_t kBytes = size_t{64} << 20;
  const std::vector<char> held(kBytes, 1);
  const auto after = memory.resident_bytes();
  ASSERT_TRUE(after);
  EXPECT_GT(*after, *before + kBytes / 2);
  EXPECT_GE(memory.peak_bytes().value(), *after);
}

void add_zone(const test::ScratchFolder& folder, const std::string& zone, const std::string& name,
              uint64_t microjoules) {
  folder.write(zone + "/name", name + "\n");
  folder.write(zone + "/max_energy_range_uj", "1000000\n");
  folder.write(zone + "/energy_uj", std::to_string(microjoules) + "\n");
}

TEST(Rapl, S0_14_AddsPackagesAndMemoryAndCountsRound) {
  const test::ScratchFolder folder;
  add_zone(folder, "intel-rapl:0", "package-0", 900000);
  add_zone(folder, "intel-rapl:0:0", "core", 100);
  add_zone(folder, "intel-rapl:0:1", "dram", 500000);
  add_zone(folder, "intel-rapl:1", "psys", 0);
  const auto meter = make_rapl_meter(folder.path());
  meter->begin();
  add_zone(folder, "intel-rapl:0", "package-0", 400000);
  add_zone(folder, "intel-rapl:0:1", "dram", 750000);
  meter->tick();
  add_zone(folder, "intel-rapl:0", "package-0", 450000);
  add_zone(folder, "intel-rapl:0:0", "core", 200100);
  add_zone(folder, "intel-rapl:1", "psys", 999999);
  const Energy energy = meter->end();
  EXPECT_DOUBLE_EQ(energy.joules.value(), 0.55 + 0.25);
  EXPECT_DOUBLE_EQ(energy.rails.at("package-0"), 0.55);
  EXPECT_DOUBLE_EQ(energy.rails.at("core 0"), 0.2);
  EXPECT_DOUBLE_EQ(energy.rails.at("psys"), 0.999999);
  EXPECT_EQ(energy.source, "RAPL");
}

TEST(Rapl, WithoutACounterOfAPackageThereAreNoJoules) {
  const test::ScratchFolder folder;
  add_zone(folder, "intel-rapl:1", "psys", 100);
  const auto meter = make_rapl_meter(folder.path());
  meter->begin();
  add_zone(folder, "intel-rapl:1", "psys", 900);
  const Energy energy = meter->end();
  EXPECT_FALSE(energy.joules);
  EXPECT_EQ(energy.rails.size(), 1U);
  EXPECT_NE(energy.reason.find("no counter of a package"), std::string::npos) << energy.reason;
}

TEST(Rapl, APackageThatCannotBeReadLeavesNoSumOfTheOthers) {
  const test::ScratchFolder folder;
  add_zone(folder, "intel-rapl:0", "package-0", 100);
  add_zone(folder, "intel-rapl:1", "package-1", 100);
  std::filesystem::remove(folder.path() / "intel-rapl:1/energy_uj");
  const auto meter = make_rapl_meter(folder.path());
  meter->begin();
  const Energy energy = meter->end();
  EXPECT_FALSE(energy.joules);
  EXPECT_NE(energy.reason.find("intel-rapl:1"), std::string::npos) << energy.reason;
}

TEST(Rapl, AReadThatFailsIsNoMeasurementWheneverItDoes) {
  for (const char* moment : {"begin", "tick", "end"}) {
    const test::ScratchFolder folder;
    const std::string_view fails(moment);
    add_zone(folder, "intel-rapl:0", "package-0", 700000);
    const auto meter = make_rapl_meter(folder.path());
    const auto at = [&](std::string_view now) {
      if (fails == now)
        std::filesystem::remove(folder.path() / "intel-rapl:0/energy_uj");
      else
        add_zone(folder, "intel-rapl:0", "package-0", 900000);
    };
    at("begin");
    meter->begin();
    at("tick");
    meter->tick();
    at("end");
    const Energy energy = meter->end();
    EXPECT_FALSE(energy.joules) << moment;
    EXPECT_TRUE(energy.rails.empty()) << moment;
    EXPECT_NE(energy.reason.find("could not be read all the time"), std::string::npos) << moment;
  }
}

TEST(Rapl, WithoutCountersNothingIsMadeUp) {
  const test::ScratchFolder folder;
  const auto meter = make_rapl_meter(folder.path());
  meter->begin();
  const Energy energy = meter->end();
  EXPECT_FALSE(energy.joules);
  EXPECT_TRUE(energy.source.empty());
  EXPECT_NE(energy.reason.find("no RAPL counters"), std::string::npos);
}

/// As powermetrics -f plist writes it: mJ of an interval, documents ended by NUL.
std::string plist(const std::string& time, double seconds, int cpu_mj, int ane_mj,
                  const std::string& pressure) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n"
         "<key>is_delta</key><true/>\n<key>elapsed_ns</key><integer>" +
         std::to_string(static_cast<int64_t>(seconds * 1e9)) +
         "</integer>\n<key>timestamp</key><date>" + time +
         "</date>\n<key>thermal_pressure</key><string>" + pressure +
         "</string>\n<key>processor</key>\n<dict>\n<key>clusters</key><array/>\n"
         "<key>cpu_energy</key><integer>" +
         std::to_string(cpu_mj) + "</integer>\n<key>ane_energy</key><integer>" +
         std::to_string(ane_mj) + "</integer>\n</dict>\n</dict>\n</plist>\n" + std::string(1, '\0');
}

/// Seconds since 1970 as `parse_time` reads them.
std::string time_text(std::chrono::system_clock::time_point moment) {
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(moment - day));
  char text[32];
  std::snprintf(text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

TEST(PowerLog, S0_46_OfPowermetricsIsIntegratedOverTheTimeOfTheRun) {
  const std::string log = plist("2026-01-02T00:00:10Z", 1, 3000, 500, "Nominal") +
                          plist("2026-01-02T00:00:11Z", 1, 5000, 700, "Heavy") +
                          plist("2026-01-02T00:00:12Z", 1, 1000, 0, "Moderate");
  const auto samples = parse_power_log(log);
  ASSERT_TRUE(samples.ok()) << samples.error().to_string();
  ASSERT_EQ(samples->size(), 3U);
  EXPECT_EQ((*samples)[1].pressure, "heavy");
  EXPECT_DOUBLE_EQ((*samples)[1].watts.at("cpu"), 5);
  EXPECT_FALSE((*samples)[1].watts.contains("gpu"));
  const double start = parse_time("2026-01-02T00:00:09Z").value();
  const auto joules = integrate_power(*samples, start + 0.5, start + 2.5).joules;
  EXPECT_DOUBLE_EQ(joules.at("cpu"), 1.5 + 5 + 0.5);
  EXPECT_DOUBLE_EQ(joules.at("ane"), 0.25 + 0.7);
  const auto late = integrate_power(*samples, start + 2, start + 9);
  EXPECT_TRUE(late.joules.empty());
  EXPECT_EQ(late.gaps, (std::vector<std::string>{"ane", "cpu"}));
  EXPECT_TRUE(samples->front().in_whole_seconds);
}

TEST(PowerLog, WhatNoSampleCoversTakesTheMeanOfTheRest) {
  const auto samples = parse_power_log(plist("2026-01-02T00:00:19Z", 19, 38000, 9500, "Nominal"));
  ASSERT_TRUE(samples.ok());
  const double start = parse_time("2026-01-02T00:00:00Z").value();
  const auto power = integrate_power(*samples, start, start + 20);
  EXPECT_DOUBLE_EQ(power.joules.at("cpu"), 2.0 * 20);
  EXPECT_DOUBLE_EQ(power.joules.at("ane"), 0.5 * 20);
  EXPECT_TRUE(power.gaps.empty());
}

/// A line of macmon.
std::string macmon(std::chrono::system_clock::time_point moment, const std::string& powers) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(moment);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(moment - whole).count();
  std::string fraction = std::to_string(1000 + ms);
  fraction[0] = '.';
  std::string time = time_text(moment);
  time.insert(time.size() - 1, fraction);
  return R"({"timestamp": ")" + time + R"(", )" + powers + "}\n";
}

TEST(PowerLog, ARailWithAGapLeavesNoSumOfTheOthers) {
  const test::ScratchFolder folder;
  const auto meter = make_log_meter(folder.path() / "log", std::chrono::milliseconds(0));
  const std::string both = R"("cpu_power": 10, "ane_power": 5)";
  const auto measured = [&](const std::string& last) {
    const auto begin = std::chrono::system_clock::now();
    folder.write("log", macmon(begin - std::chrono::seconds(1), both) +
                            macmon(begin + std::chrono::milliseconds(20), both) +
                            macmon(begin + std::chrono::minutes(1), last));
    meter->begin();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return meter->end();
  };
  // The Neural Engine is seen in 20 of 100 ms.
  const Energy gap = measured(R"("cpu_power": 10)");
  EXPECT_FALSE(gap.joules);
  EXPECT_NE(gap.reason.find("no power of ane"), std::string::npos) << gap.reason;
  EXPECT_GT(gap.rails.at("cpu"), 0.9);
  EXPECT_FALSE(gap.rails.contains("ane"));
  const Energy whole = measured(both);
  ASSERT_TRUE(whole.joules) << whole.reason;
  EXPECT_EQ(*whole.joules, whole.rails.at("cpu") + whole.rails.at("ane"));
  EXPECT_EQ(whole.source, "log: ane + cpu");
}

TEST(PowerLog, ARunOfLessThanTwentyWholeSecondsSaysSo) {
  const test::ScratchFolder folder;
  const auto now = std::chrono::system_clock::now();
  std::string log = plist(time_text(now + std::chrono::seconds(30)), 60, 60000, 6000, "Nominal");
  log.replace(log.find("ane_energy"), 10, "own_energy");
  folder.write("log", log);
  const auto meter = make_log_meter(folder.path() / "log", std::chrono::milliseconds(0));
  meter->begin();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const Energy energy = meter->end();
  EXPECT_TRUE(energy.joules) << energy.reason;
  EXPECT_EQ(energy.source.substr(0, 8), "log: cpu");
  EXPECT_NE(energy.source.find("by whole seconds"), std::string::npos) << energy.source;
}

TEST(PowerLog, ALogThatBeginsWithANulIsOne) {
  const auto samples = parse_power_log(std::string(1, '\0') +
                                       plist("2026-01-02T00:00:10Z", 1, 3000, 500, "Nominal"));
  ASSERT_TRUE(samples.ok()) << samples.error().to_string();
  EXPECT_EQ(samples->size(), 1U);
}

TEST(PowerLog, S2_29_TheWorstThermalPressureOfTheRunIsKept) {
  const test::ScratchFolder folder;
  const auto now = std::chrono::system_clock::now();
  const auto meter = make_log_meter(folder.path() / "log", std::chrono::milliseconds(0));
  meter->begin();
  folder.write("log",
               plist(time_text(now - std::chrono::minutes(9)), 1, 1, 1, "Sleeping") +
                   plist(time_text(now + std::chrono::seconds(30)), 60, 60000, 6000, "Heavy") +
                   plist(time_text(now + std::chrono::seconds(40)), 70, 0, 0, "Moderate"));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const Energy energy = meter->end();
  EXPECT_EQ(meter->pressure(), "heavy");
  EXPECT_GT(energy.rails.at("cpu"), 0.02);
  EXPECT_EQ(energy.source.substr(0, 14), "log: ane + cpu");
  folder.write("log", "nothing of that kind");
  meter->begin();
  const Energy none = meter->end();
  EXPECT_FALSE(none.joules);
  EXPECT_NE(none.reason.find("neither a log"), std::string::npos);
  EXPECT_TRUE(meter->pressure().empty());
}

TEST(PowerLog, OfMacmonHasALineForEachSample) {
  const auto samples = parse_power_log(
      "{\"timestamp\":\"2026-01-02T01:00:10.500000+01:00\",\"cpu_power\":2.0,\"ane_power\":0.5}\n"
      "{\"timestamp\":\"2026-01-02T01:00:11.500000+01:00\",\"cpu_power\":4.0,\"ane_power\":1.5,"
      "\"ram_power\":0.25,\"temp\":{\"cpu_temp_avg\":50}}\n"
      "{\"timestamp\":\"2026-01-02T01:0");
  ASSERT_TRUE(samples.ok()) << samples.error().to_string();
  ASSERT_EQ(samples->size(), 2U);
  EXPECT_DOUBLE_EQ((*samples)[1].seconds, 1);
  EXPECT_DOUBLE_EQ((*samples)[1].watts.at("dram"), 0.25);
  const double end = parse_time("2026-01-02T00:00:11.5Z").value();
  EXPECT_DOUBLE_EQ((*samples)[1].end_s, end);
  EXPECT_DOUBLE_EQ(integrate_power(*samples, end - 1, end).joules.at("ane"), 1.5);
}

TEST(PowerLog, RefusesOtherFilesAndTimes) {
  EXPECT_FALSE(parse_power_log("CPU Power: 12 mW\n").ok());
  EXPECT_FALSE(parse_power_log("{\"timestamp\":3}\n{\"timestamp\":4}\n").ok());
  EXPECT_FALSE(parse_power_log("{\"hello\": 1}\n").ok()) << "a whole line is not cut off";
  EXPECT_FALSE(parse_power_log("{\"hello\": 1}").ok());
  EXPECT_FALSE(parse_power_log("{\"timestamp\":\"2026-01-02T00:00:00Z\"}").ok()) << "no power";
  EXPECT_FALSE(parse_power_log("<?xml version=\"1.0\"?><plist><dict/></plist>\n").ok());
  EXPECT_TRUE(parse_power_log("<?xml version=\"1.0\"?><plist><dict><key>elap").ok()) << "cut off";
  EXPECT_TRUE(parse_power_log("").ok());
  EXPECT_FALSE(parse_time("2026-13-02T00:00:00Z").ok());
  EXPECT_FALSE(parse_time("2026-01-02").ok());
  EXPECT_FALSE(parse_time("2026-01-02T00:00:00+1").ok());
  EXPECT_EQ(parse_time("1970-01-02T00:00:01Z").value(), 86401);
}

TEST(Thermal, TheHottestZoneCounts) {
  const test::ScratchFolder folder;
  EXPECT_FALSE(hottest_zone(folder.path()));
  folder.write("thermal_zone0/temp", "41000\n");
  folder.write("thermal_zone1/temp", "52500\n");
  folder.write("cooling_device0/temp", "99000\n");
  EXPECT_DOUBLE_EQ(hottest_zone(folder.path()).value(), 52.5);
}

TEST(Machine, LastCachesAddUpAndSharedOnesCountOnce) {
  const test::ScratchFolder folder;
  const auto add = [&](const std::string& cpu, const std::string& last,
                       const std::string& sharers) {
    folder.write(cpu + "/cache/index0/size", "48K\n");
    folder.write(cpu + "/cache/index0/shared_cpu_list", cpu + "\n");
    folder.write(cpu + "/cache/index3/size", last + "\n");
    folder.write(cpu + "/cache/index3/shared_cpu_list", sharers + "\n");
  };
  add("cpu0", "32M", "0-1");
  add("cpu1", "32M", "0-1");
  EXPECT_EQ(cache_bytes_in(folder.path()), uint64_t{32} << 20);
  add("cpu2", "2048K", "2");
  EXPECT_EQ(cache_bytes_in(folder.path()), uint64_t{34} << 20);
  EXPECT_EQ(cache_bytes_in(folder.path() / "none"), 0U);
}

TEST(PageCache, PagesThatAreMappedElsewhereAreNotDropped) {
  const test::ScratchFolder folder;
  folder.write("weights", std::string(size_t{1} << 20, 'w'));
  const std::string path = folder.path() / "weights";
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  void* mapped = ::mmap(nullptr, size_t{1} << 20, PROT_READ, MAP_SHARED, descriptor, 0);
  ::close(descriptor);
  ASSERT_NE(mapped, MAP_FAILED);
  int sum = 0;
  for (size_t i = 0; i < size_t{1} << 20; i += 4096) sum += static_cast<char*>(mapped)[i];
  EXPECT_GT(sum, 0);
  EXPECT_FALSE(drop_from_page_cache(path));
  EXPECT_FALSE(drop_from_page_cache(folder.path()));
  ::munmap(mapped, size_t{1} << 20);
  EXPECT_FALSE(drop_from_page_cache(folder.path() / "none"));
}

TEST(PageCache, AFileSystemInMemoryKeepsItsPages) {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code error;
  if (!std::filesystem::is_directory(memory, error)) GTEST_SKIP() << "no /dev/shm";
  const auto file = memory / ("anemone_pages_" + std::to_string(::getpid()));
  std::ofstream(file) << std::string(size_t{1} << 16, 'w');
  if (!std::filesystem::exists(file, error)) GTEST_SKIP() << "/dev/shm cannot be written";
  EXPECT_FALSE(drop_from_page_cache(file));
  std::filesystem::remove(file);
}

TEST(Machine, IdentityNamesWhatSpeedDependsOn) {
  Machine machine{.cpu = "C", .architecture = "x86_64", .cores = 2, .os = "Linux 6"};
  EXPECT_EQ(machine.identity(), "C, x86_64, 2 cores");
  machine.accelerator = "Apple Neural Engine";
  EXPECT_EQ(machine.identity(), "C, x86_64, 2 cores, Apple Neural Engine");
}

}  // namespace
}  // namespace anemone::bench
