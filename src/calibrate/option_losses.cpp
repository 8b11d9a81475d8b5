#include "calibrate/option_losses.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

#include "base/check.h"

namespace anemone::calibrate {

double expected_error(const compress::Encoded& encoded, int64_t columns, uint64_t tokens) {
  ANEMONE_CHECK(encoded.output_error.has_value(), "of a weight that was tuned");
  if (encoded.squared_error <= 0) return 0;
  const double of_weight = encoded.squared_error / encoded.squared_sum;
  const auto unknown = static_cast<double>(columns);
  const double share = unknown / (unknown + static_cast<double>(tokens));
  return (1 - share) * *encoded.output_error + share * of_weight;
}

void make_monotone(std::span<Option> options) {
  std::vector<size_t> order(options.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](size_t i) { return options[i].bytes; });
  double greatest = 0;
  for (const size_t i : order) greatest = options[i].loss = std::max(options[i].loss, greatest);
}

}  // namespace anemone::calibrate
