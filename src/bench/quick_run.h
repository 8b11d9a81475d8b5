#pragma once

#include <filesystem>

#include "anemone/bench.h"

/// Runs on the embedded model that take little time, for tests.
namespace anemone::bench {

inline const std::filesystem::path kModels = std::filesystem::path(ANEMONE_SOURCE_DIR) / "models";
inline const LogSink kQuiet = [](LogLevel, std::string_view) {};
inline const ProgressSink kGoOn = [](const Progress&) { return true; };

inline Options quick() {
  return {.contexts = {32},
          .repetitions = 3,
          .warmup = 1,
          .loads = 1,
          .stage_requests = 1,
          .answer_tokens = 4};
}

}  // namespace anemone::bench
