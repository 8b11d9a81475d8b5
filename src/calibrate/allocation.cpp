#include "calibrate/allocation.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/check.h"

namespace anemone::calibrate {
namespace {

double saved_a_byte(const Option& from, const Option& to) {
  return (from.loss - to.loss) / static_cast<double>(to.bytes - from.bytes);
}

/// The options of a weight that are ever worth their bytes, the smallest first.
std::vector<size_t> lower_hull(const std::vector<Option>& options) {
  std::vector<size_t> order(options.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    return options[a].bytes != options[b].bytes ? options[a].bytes < options[b].bytes
                                                : options[a].loss < options[b].loss;
  });
  std::vector<size_t> hull;
  for (const size_t next : order) {
    if (!hull.empty() && options[next].loss >= options[hull.back()].loss) continue;
    while (hull.size() > 1 && saved_a_byte(options[hull[hull.size() - 2]], options[hull.back()]) <=
                                  saved_a_byte(options[hull.back()], options[next]))
      hull.pop_back();
    hull.push_back(next);
  }
  return hull;
}

}  // namespace

std::vector<size_t> allocate(const std::vector<std::vector<Option>>& weights,
                             uint64_t budget_bytes) {
  struct Step {
    size_t weight = 0;
    size_t place = 0;  ///< on the hull, before the step.
    double worth = 0;
    uint64_t bytes = 0;
  };
  std::vector<std::vector<size_t>> hulls;
  std::vector<Step> steps;
  uint64_t taken = 0;
  for (size_t weight = 0; weight < weights.size(); ++weight) {
    const std::vector<Option>& options = weights[weight];
    for (const Option& option : options)
      ANEMONE_CHECK(std::isfinite(option.loss), "losses that can be compared");
    hulls.push_back(lower_hull(options));
    const std::vector<size_t>& hull = hulls.back();
    taken += options[hull[0]].bytes;
    for (size_t place = 0; place + 1 < hull.size(); ++place)
      steps.push_back({weight, place, saved_a_byte(options[hull[place]], options[hull[place + 1]]),
                       options[hull[place + 1]].bytes - options[hull[place]].bytes});
  }
  if (taken > budget_bytes) return {};
  // Along a hull the worth falls: sorted so, the steps of each weight come in their order.
  std::ranges::stable_sort(steps, std::greater{}, &Step::worth);
  std::vector<size_t> places(weights.size(), 0);
  for (const Step& step : steps)
    if (places[step.weight] == step.place && taken + step.bytes <= budget_bytes) {
      taken += step.bytes;
      ++places[step.weight];
    }
  std::vector<size_t> chosen;
  for (size_t weight = 0; weight < weights.size(); ++weight)
    chosen.push_back(hulls[weight][places[weight]]);
  return chosen;
}

}  // namespace anemone::calibrate
