#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace anemone::test {

/// The folder with fixtures and data sets that lies beside the repository, or where ANEMONE_SHARED
/// says.
inline std::filesystem::path shared_folder() {
  const char* set = std::getenv("ANEMONE_SHARED");
  return set != nullptr ? std::filesystem::path(set)
                        : std::filesystem::path(ANEMONE_SOURCE_DIR) / ".." / "shared";
}

inline std::filesystem::path source_folder() { return ANEMONE_SOURCE_DIR; }

}  // namespace anemone::test

/// Skips the test, with the reason, where the fixtures are absent.
#define ANEMONE_NEED_SHARED(relative)                                                     \
  do {                                                                                    \
    if (!std::filesystem::exists(::anemone::test::shared_folder() / (relative)))          \
      GTEST_SKIP() << "no fixtures: " << (::anemone::test::shared_folder() / (relative)); \
  } while (false)
