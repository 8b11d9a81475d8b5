#pragma once

#include <vector>

namespace anemone::compress {

/// The x of least |A x - b| near `start`, for A symmetric and of no negative value. `system`: n
/// rows of n factors and the number that they make. What the system leaves open stays as at
/// `start`.
std::vector<double> solve_near(const std::vector<double>& system, std::vector<double> start);

}  // namespace anemone::compress
