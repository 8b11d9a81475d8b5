#pragma once

#include <span>
#include <string>

/// Arrays of doubles as NumPy sums and prints them.
namespace anemone::eval::numpy {

/// np.sum: pairs of halves above 128 values, eight running sums below.
double sum(std::span<const double> values);

/// str(array) of one dimension with NumPy's default print options: 8 digits, lines of 75.
/// Values are finite.
std::string array_str(std::span<const double> values);

}  // namespace anemone::eval::numpy
