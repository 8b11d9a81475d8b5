#include "ane/calibration/fit.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"

namespace anemone::ane {
namespace {

constexpr std::array kParameters = {&CostConstants::attention_gbps, &CostConstants::compute_factor,
                                    &CostConstants::core_ml_layer_ms,
                                    &CostConstants::private_launch_ms};

/// Where searches start: the middle one from ane.md 3.3 and 6, and one on each side of it.
constexpr std::array kStarts = {
    CostConstants{20, 0.7, 0.1, 0.05},
    CostConstants{60, 1, 0.3, 0.15},
    CostConstants{200, 1.4, 0.6, 0.4},
};

double loss(const std::vector<const PublishedPoint*>& points, const CostConstants& constants) {
  double sum = 0;
  for (const PublishedPoint* point : points) {
    sum += std::abs(std::log(predicted_ms(*point, constants) / point->measured_ms));
  }
  return sum / static_cast<double>(points.size());
}

CostConstants search(const std::vector<const PublishedPoint*>& points, CostConstants best) {
  double least = loss(points, best);
  for (double step = 0.5; step > 0.001;) {
    bool better = false;
    for (double CostConstants::*parameter : kParameters) {
      for (const double factor : {1 + step, 1 / (1 + step)}) {
        CostConstants tried = best;
        tried.*parameter *= factor;
        const double value = loss(points, tried);
        if (value >= least - 1e-9) continue;
        least = value;
        best = tried;
        better = true;
      }
    }
    if (!better) step /= 2;
  }
  return best;
}

double three_digits(double value) {
  const double scale = std::pow(10, 2 - std::floor(std::log10(value)));
  return std::round(value * scale) / scale;
}

}  // namespace

CostConstants fit(const std::vector<const PublishedPoint*>& points) {
  ANEMONE_CHECK(!points.empty(), "a fit needs points");
  CostConstants best = search(points, kStarts.front());
  for (const CostConstants& start : kStarts) {
    const CostConstants found = search(points, start);
    if (loss(points, found) < loss(points, best)) best = found;
  }
  for (double CostConstants::*parameter : kParameters) {
    best.*parameter = three_digits(best.*parameter);
  }
  return best;
}

std::vector<const PublishedPoint*> all_decode_points() {
  std::vector<const PublishedPoint*> points;
  for (const PublishedPoint& point : decode_points()) points.push_back(&point);
  return points;
}

std::vector<const PublishedPoint*> decode_points_without(const Chip& chip) {
  std::vector<const PublishedPoint*> points = all_decode_points();
  std::erase_if(points, [&](const PublishedPoint* point) { return point->chip == &chip; });
  return points;
}

double speed_error(const PublishedPoint& point, const CostConstants& constants) {
  return point.measured_ms / predicted_ms(point, constants) - 1;
}

double median(std::vector<double> values) {
  ANEMONE_CHECK(!values.empty(), "a median needs values");
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace anemone::ane
