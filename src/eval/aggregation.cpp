#include "eval/aggregation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "eval/python_random.h"

namespace anemone::eval {
namespace {

double number(const Value& value) {
  return value.is_boolean() ? static_cast<double>(value.get<bool>()) : value.get<double>();
}

/// sum(values) of Python before 3.12: left to right, without compensation.
double sum(std::span<const double> values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

double mean(std::span<const double> values) {
  return sum(values) / static_cast<double>(values.size());
}

std::vector<double> numbers(std::span<const Value> items) {
  std::vector<double> values;
  values.reserve(items.size());
  for (const Value& item : items) values.push_back(number(item));
  return values;
}

double sample_deviation(std::span<const double> values) {
  const double middle = mean(values);
  double squares = 0;
  for (const double value : values) squares += std::pow(value - middle, 2.0);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double perplexity_of(std::span<const double> values) { return std::exp(-mean(values)); }

double median_of(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

std::optional<double> aggregate_mean(std::span<const Value> items) {
  if (items.empty()) return std::nullopt;
  return mean(numbers(items));
}

std::optional<double> aggregate_perplexity(std::span<const Value> items) {
  if (items.empty()) return std::nullopt;
  return perplexity_of(numbers(items));
}

std::optional<double> aggregate_median(std::span<const Value> items) {
  if (items.empty()) return std::nullopt;
  return median_of(numbers(items));
}

/// Items are [log-likelihood, weight].
std::optional<double> weighted_mean(std::span<const Value> items) {
  double values = 0;
  double weights = 0;
  for (const Value& item : items) {
    values += number(item[0]);
    weights += number(item[1]);
  }
  if (weights == 0) return std::nullopt;
  return values / weights;
}

std::optional<double> aggregate_weighted_perplexity(std::span<const Value> items) {
  const auto middle = weighted_mean(items);
  if (!middle) return std::nullopt;
  return std::exp(-*middle);
}

std::optional<double> aggregate_bits_per_byte(std::span<const Value> items) {
  const auto middle = weighted_mean(items);
  if (!middle) return std::nullopt;
  return -*middle / std::log(2.0);
}

constexpr std::array kAggregations = {
    Aggregation{"mean", aggregate_mean, ErrorEstimate::of_mean},
    Aggregation{"median", aggregate_median, ErrorEstimate::bootstrap},
    Aggregation{"perplexity", aggregate_perplexity, ErrorEstimate::bootstrap},
    Aggregation{"weighted_perplexity", aggregate_weighted_perplexity, ErrorEstimate::none,
                ItemKind::pair},
    Aggregation{"bits_per_byte", aggregate_bits_per_byte, ErrorEstimate::none, ItemKind::pair}};

/// Replicates in chunks of 1,000, each with a generator of its own, as the harness draws them.
double bootstrap(double (*statistic)(std::span<const double>), std::span<const double> values,
                 int64_t iterations) {
  const int64_t chunk = std::min<int64_t>(1000, iterations);
  std::vector<double> replicates;
  replicates.reserve(static_cast<size_t>(iterations));
  std::vector<size_t> picks;
  std::vector<double> drawn(values.size());
  for (int64_t i = 0; i < iterations / chunk; ++i) {
    python::Random random(static_cast<uint64_t>(i));
    for (int64_t k = 0; k < chunk; ++k) {
      random.choices(values.size(), values.size(), picks);
      for (size_t j = 0; j < picks.size(); ++j) drawn[j] = values[picks[j]];
      replicates.push_back(statistic(drawn));
    }
  }
  return sample_deviation(replicates);
}

}  // namespace

const Aggregation* find_aggregation(std::string_view name) {
  for (const Aggregation& aggregation : kAggregations)
    if (aggregation.name == name) return &aggregation;
  return nullptr;
}

bool takes(const Aggregation& aggregation, const Value& item) {
  const auto numeric = [](const Value& value) { return value.is_number() || value.is_boolean(); };
  if (aggregation.items == ItemKind::number) return numeric(item);
  return item.is_array() && item.size() == 2 && numeric(item[0]) && numeric(item[1]);
}

std::optional<double> standard_error(const Aggregation& aggregation, std::span<const Value> items,
                                     int64_t bootstrap_iterations) {
  if (items.size() < 2 || bootstrap_iterations <= 0) return std::nullopt;
  switch (aggregation.error) {
    case ErrorEstimate::none:
      return std::nullopt;
    case ErrorEstimate::of_mean: {
      const auto values = numbers(items);
      return sample_deviation(values) / std::sqrt(static_cast<double>(values.size()));
    }
    case ErrorEstimate::bootstrap:
      if (bootstrap_iterations < 2) return std::nullopt;
      return bootstrap(aggregation.name == "median" ? median_of : perplexity_of, numbers(items),
                       bootstrap_iterations);
  }
  return std::nullopt;
}

}  // namespace anemone::eval
