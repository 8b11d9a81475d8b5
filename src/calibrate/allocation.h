#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace anemone::calibrate {

/// One way to store one weight.
struct Option {
  uint64_t bytes = 0;
  double loss = 0;  ///< what it is expected to add.
};

/// For each weight the number of the option to take, such that the losses together are small and
/// the bytes together at most `budget_bytes`: from the smallest options on, always the step along a
/// weight's lower convex hull that saves the most loss a byte, as long as it fits (Shoham and
/// Gersho, IEEE Transactions on ASSP 36(9), 1988). Empty when even the smallest do not fit.
std::vector<size_t> allocate(const std::vector<std::vector<Option>>& weights,
                             uint64_t budget_bytes);

}  // namespace anemone::calibrate
