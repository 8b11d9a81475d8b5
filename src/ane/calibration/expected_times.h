#pragma once

#include <span>
#include <string_view>

#include "ane/chip.h"

/// Times that the requirement documents expect, held against what no program can beat.
namespace anemone::ane {

struct ExpectedTime {
  std::string_view requirement;
  std::string_view model;
  double weights = 0;
  double bytes_of_weight = 0;
  std::string_view chip;
  int64_t tokens = 0;  ///< 1: of a token; else of a prompt.
  double low_ms = 0;
  double high_ms = 0;
};

std::span<const ExpectedTime> expected_times();

/// Reading all weights once, or multiplying them with every token of a prompt at the compute rate
/// of the formula: the longer of the two.
double floor_ms(const ExpectedTime& expected);

/// "below the floor", where nothing can be so fast; "in part below the floor"; "above the floor",
/// where it is not ruled out.
std::string_view verdict_of(const ExpectedTime& expected);

}  // namespace anemone::ane
