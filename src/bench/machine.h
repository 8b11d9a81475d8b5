#pragma once

#include "anemone/bench.h"
#include "bench/clock.h"

namespace anemone::bench {

/// What this machine is. `read_bytes_per_s` is left out.
Machine find_machine();

/// Bytes of the largest caches below a folder such as /sys/devices/system/cpu, those that
/// processors share once; 0: unknown.
uint64_t cache_bytes_in(const std::filesystem::path& folder);

/// How fast all threads together read memory: the best of a few passes over bytes that no cache of
/// this size holds. 0 where there is no room for them.
double measure_bandwidth(Clock& clock, int threads, uint64_t cache_bytes);

/// Of the executor's kernels here: "avx512".
std::string kernel_isa(runtime::Isa asked);

/// Processor time of this process so far, all threads.
double used_cpu_seconds();

/// Lets go of what the page cache holds of a file, or of all files in a folder. False where the
/// system has no such wish, or where the pages are still there: of a file system in memory, or of
/// a file that some process has mapped.
bool drop_from_page_cache(const std::filesystem::path& path);

}  // namespace anemone::bench
