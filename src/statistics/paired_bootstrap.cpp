#include "statistics/paired_bootstrap.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "statistics/generator.h"
#include "statistics/order.h"

namespace anemone::statistics {

std::vector<double> resampled(size_t documents, const ResampledStatistic& statistic,
                              const BootstrapOptions& options) {
  ANEMONE_CHECK(documents > 0 && options.resamples > 0, "callers have something to draw from");
  Generator generator(options.seed);
  std::vector<size_t> drawn(documents);
  std::vector<double> values;
  values.reserve(options.resamples);
  for (size_t i = 0; i < options.resamples; ++i) {
    for (size_t& document : drawn) document = generator.below(documents);
    values.push_back(statistic(drawn));
  }
  return values;
}

PairedBootstrap paired_bootstrap(size_t documents, const ResampledStatistic& difference,
                                 const BootstrapOptions& options) {
  std::vector<double> values = resampled(documents, difference, options);
  PairedBootstrap out;
  out.undefined = std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) {
    out.interval = {std::nan(""), std::nan("")};
    out.standard_error = std::nan("");
    return out;
  }
  std::ranges::sort(values);
  const double tail = (1 - options.confidence) / 2;
  out.interval = {percentile_of_sorted(values, tail), percentile_of_sorted(values, 1 - tail)};
  const auto at_most = std::ranges::upper_bound(values, 0.0) - values.begin();
  const auto at_least = values.end() - std::ranges::lower_bound(values, 0.0);
  const auto draws = static_cast<double>(values.size());
  out.p = std::min(1.0, 2 * (1 + static_cast<double>(std::min(at_most, at_least))) / (draws + 1));
  double mean = 0;
  for (const double value : values) mean += value / draws;
  for (const double value : values) out.standard_error += (value - mean) * (value - mean);
  out.standard_error = draws > 1 ? std::sqrt(out.standard_error / (draws - 1)) : 0;
  return out;
}

}  // namespace anemone::statistics
