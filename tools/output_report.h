#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "anemone/result.h"
#include "anemone/tensor.h"

namespace anemone::tools {

/// The --json document of commands that write arrays: what was written, and how long it took.
/// Time starts at construction.
class OutputReport {
 public:
  /// The model is open.
  void loaded();
  /// The arrays are there.
  void computed();
  /// Prints {version, <keys of `subject`>, file, outputs: [{name, dtype, shape}], load_seconds,
  /// seconds} on stdout.
  Status print(const nlohmann::ordered_json& subject, const std::string& file,
               std::span<const NamedTensor> arrays) const;

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
  Clock::time_point loaded_ = start_;
  Clock::time_point computed_ = start_;
};

}  // namespace anemone::tools
