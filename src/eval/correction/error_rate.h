#pragma once

#include <optional>
#include <span>

#include "eval/functions.h"

namespace anemone::eval::correction {

/// Of pairs [errors, length]: all errors over the whole length; none where that is 0.
inline std::optional<double> error_rate(std::span<const Value> items) {
  double wrong = 0;
  double all = 0;
  for (const Value& item : items) {
    wrong += item[0].get<double>();
    all += item[1].get<double>();
  }
  if (all == 0) return std::nullopt;
  return wrong / all;
}

}  // namespace anemone::eval::correction
