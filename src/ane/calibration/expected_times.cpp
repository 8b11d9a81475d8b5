#include "ane/calibration/expected_times.h"

#include <algorithm>

#include "ane/cost.h"
#include "base/check.h"

namespace anemone::ane {

std::span<const ExpectedTime> expected_times() {
  static constexpr ExpectedTime kExpected[] = {
#define EXPECTED(requirement, model, billions, bytes, chip, tokens, low, high) \
  {requirement, model, (billions)*1e9, bytes, #chip, tokens, low, high},
#include "ane/calibration/expected_times.inc"
#undef EXPECTED
  };
  return kExpected;
}

double floor_ms(const ExpectedTime& expected) {
  const Result<const Chip*> chip = find_chip(expected.chip);
  ANEMONE_CHECK(chip.ok(), "an expected time names a chip that is not in chips.inc");
  const StepWork work{.weight_bytes = expected.weights * expected.bytes_of_weight,
                      .multiply_adds = expected.weights,
                      .width = expected.tokens};
  const Result<StepCost> step = predict_step(**chip, Stack::core_ai, work);
  ANEMONE_CHECK(step.ok(), "an expected time is of a chip whose speed is unknown");
  return std::max(step->weights_ms, step->compute_ms);
}

std::string_view verdict_of(const ExpectedTime& expected) {
  const double floor = floor_ms(expected);
  if (floor > expected.high_ms) return "below the floor";
  return expected.low_ms > 0 && floor > expected.low_ms ? "in part below the floor"
                                                        : "above the floor";
}

}  // namespace anemone::ane
