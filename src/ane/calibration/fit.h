#pragma once

#include <vector>

#include "ane/calibration/published.h"

namespace anemone::ane {

/// Constants of the least mean |log(predicted / measured)| over the points, every chip and every
/// point alike, rounded to three digits. A pattern search: the same result on every machine.
CostConstants fit(const std::vector<const PublishedPoint*>& points);

std::vector<const PublishedPoint*> all_decode_points();
/// Without those of one chip.
std::vector<const PublishedPoint*> decode_points_without(const Chip& chip);

/// Predicted / measured - 1 of speed: positive where the prediction is too fast.
double speed_error(const PublishedPoint& point, const CostConstants& constants);

double median(std::vector<double> values);

}  // namespace anemone::ane
