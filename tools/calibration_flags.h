#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "anemone/calibrate.h"
#include "command.h"

namespace anemone::tools {

/// What compression is tuned on, and what it is measured on.
struct CalibrationFlags {
  std::string text;
  std::optional<int64_t> windows;
  double target_bits = 0;
  std::string measured;
  std::optional<int64_t> measured_windows;

  bool calibrates() const { return !text.empty() || target_bits > 0; }
  /// Errors: invalid_argument (windows of a text that is not given).
  Status check() const;
  /// Errors: those of reading the text.
  Result<calibrate::Options> options(const CommonFlags& common) const;
  /// How the result will be measured beside `model`; nothing without a text for that.
  /// Errors: those of reading the text and of calibrate::check_comparable.
  Result<std::optional<calibrate::Options>> measuring(const std::filesystem::path& model,
                                                      const CommonFlags& common) const;
};

/// `measures`: with the flags of what is measured.
void add_calibration_flags(CLI::App& app, CalibrationFlags& flags, bool measures);

/// Parts that are stored as they would be without a text.
nlohmann::ordered_json uncalibrated_json(const std::vector<CompressedWeight>& weights);

nlohmann::ordered_json comparison_json(const calibrate::Comparison& comparison);
std::string comparison_text(const calibrate::Comparison& comparison);

}  // namespace anemone::tools
