#pragma once

#include <span>
#include <string_view>

#include "ane/cost.h"

/// Published speeds of language models on the Neural Engine: what the constants are fitted on.
/// Part of the program that writes docs/ane-model.md and of tests, not of the library.
namespace anemone::ane {

struct PublishedPoint {
  const Chip* chip = nullptr;
  Stack stack = Stack::core_ml;
  std::string_view model;
  std::string_view format;
  int64_t positions = 0;
  StepWork work;
  int64_t prompt_tokens = 0;  ///< 0: a point of decoding.
  double measured_ms = 0;     ///< of a step; of the whole prompt.
  std::string_view source;
};

struct LeftOut {
  std::string_view row;
  std::string_view reason;
};

std::span<const PublishedPoint> decode_points();
std::span<const PublishedPoint> prefill_points();
std::span<const LeftOut> rows_left_out();

/// Of a step, or of all steps of the prompt.
double predicted_ms(const PublishedPoint& point, const CostConstants& constants);
double floor_ms(const PublishedPoint& point);

}  // namespace anemone::ane
