#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace anemone {

enum class LogLevel : uint8_t { debug, info, warning, error };

/// Where the library's words go. Libraries never print; a tool passes a sink. Calls may come from
/// any thread, one at a time per sink owner.
using LogSink = std::function<void(LogLevel, std::string_view message)>;

/// A step of long work: `done` of `total` units (total 0: unknown). Return false to ask for a stop;
/// the work then ends with ErrorCode::interrupted.
struct Progress {
  std::string_view stage;
  uint64_t done = 0;
  uint64_t total = 0;
  std::string_view unit;
  std::string_view item = {};  ///< what comes next; may be empty.
};
using ProgressSink = std::function<bool(const Progress&)>;

}  // namespace anemone
