#pragma once

#include <vector>

#include "anemone/probe.h"

/// Which points are off by far more than the same ones of the other layers, as a wrong weight makes
/// them, below any tolerance.
namespace anemone::probe {

/// Sets `stands_out`. `points` are in the order of the computation and have their `growth`; `added`
/// has of each what came on top of the error of what it is made of, relative to its length.
void mark_outliers(std::vector<PointError>& points, const std::vector<double>& added);

}  // namespace anemone::probe
