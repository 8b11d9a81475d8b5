#include "compare/sample_score.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace anemone::compare {

std::optional<Item> item_of(const eval::RecordedSample& sample, const std::string& metric) {
  if (const auto found = sample.metrics.find(metric); found != sample.metrics.end())
    return Item{found->second, 1};
  if (const auto found = sample.pairs.find(metric); found != sample.pairs.end())
    return found->second;
  return std::nullopt;
}

bool is_pair(const eval::RecordedSample& sample, const std::string& metric) {
  return sample.pairs.contains(metric);
}

double aggregate(Aggregation aggregation, double first, double second) {
  const double ratio = first / second;
  switch (aggregation) {
    case Aggregation::mean:
    case Aggregation::ratio:
      return ratio;
    case Aggregation::exp_mean:
    case Aggregation::exp_ratio:
      return std::exp(-ratio);
    case Aggregation::bits:
      return -ratio / std::numbers::ln2;
  }
  return ratio;
}

double aggregate(Aggregation aggregation, std::span<const Item> items) {
  double first = 0;
  double second = 0;
  for (const Item& item : items) {
    first += item.first;
    second += item.second;
  }
  return aggregate(aggregation, first, second);
}

std::optional<Aggregation> find_aggregation(std::span<const Item> items, bool are_pairs,
                                            double score) {
  constexpr double kDigits = 1e-9;
  const std::vector<Aggregation> known =
      are_pairs ? std::vector{Aggregation::exp_ratio, Aggregation::bits, Aggregation::ratio}
                : std::vector{Aggregation::mean, Aggregation::exp_mean};
  const auto found = std::ranges::find_if(known, [&](Aggregation each) {
    const double value = aggregate(each, items);
    return std::abs(value - score) <= kDigits * std::max({1e-3, std::abs(value), std::abs(score)});
  });
  return found == known.end() ? std::nullopt : std::optional(*found);
}

}  // namespace anemone::compare
