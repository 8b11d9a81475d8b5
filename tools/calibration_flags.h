#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "anemone/calibrate.h"
#include "command.h"

namespace anemone::tools {

/// What compression is tuned on, and what it is measured on.
struct CalibrationFlags {
  std::string text;
  int64_t windows = 64;
  double target_bits = 0;
  std::string measured;
  int64_t measured_windows = 8;

  bool calibrates() const { return !text.empty() || target_bits > 0; }
  /// Errors: invalid_argument (target bits without a text), those of reading the text.
  Result<calibrate::Options> options(const CommonFlags& common) const;
  /// Nothing without a text to measure on.
  Result<std::optional<calibrate::Comparison>> compare(const std::filesystem::path& dense,
                                                       const std::filesystem::path& compressed,
                                                       const CommonFlags& common,
                                                       const ProgressSink& progress) const;
};

/// `measures`: with the flags of what is measured.
void add_calibration_flags(CLI::App& app, CalibrationFlags& flags, bool measures);

nlohmann::ordered_json comparison_json(const calibrate::Comparison& comparison);
std::string comparison_text(const calibrate::Comparison& comparison);

}  // namespace anemone::tools
