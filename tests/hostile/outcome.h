#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdint>
#include <random>
#include <string>

#include "anemone/package.h"

/// Hostile files give an error or a package, and never more memory than their size explains.
namespace anemone::test {

/// Opens, verifies and prints `path`; the code of the error, or "ok".
inline std::string outcome(const std::filesystem::path& path) {
  const auto opened = package::open(path);
  if (!opened.ok()) {
    EXPECT_FALSE(opened.error().message.empty());
    return to_string(opened.error().code);
  }
  package::verify(*opened);
  mil::print(opened->program, 4);
  return "ok";
}

/// Peak memory of the process so far.
inline int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

/// Fails the test when the peak grew by more than `bytes` while this lived.
class MemoryBound {
 public:
  explicit MemoryBound(int64_t bytes) : bytes_(bytes), before_(peak_memory_bytes()) {}
  ~MemoryBound() { EXPECT_LE(peak_memory_bytes() - before_, bytes_); }

 private:
  int64_t bytes_;
  int64_t before_;
};

inline constexpr int64_t kMebibyte = 1 << 20;

/// A seed that is printed when the test fails, and can be set to replay it.
inline uint32_t fresh_seed() {
  const char* const set = std::getenv("ANEMONE_SEED");
  return set != nullptr ? static_cast<uint32_t>(std::stoul(set)) : std::random_device()();
}

/// One to four flipped bits.
inline std::string flipped(std::string bytes, std::mt19937& random) {
  for (uint32_t flips = 1 + random() % 4; flips > 0; --flips)
    bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
  return bytes;
}

}  // namespace anemone::test
