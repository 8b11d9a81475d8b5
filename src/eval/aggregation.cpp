#include "eval/aggregation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "eval/label_statistics.h"
#include "eval/numpy.h"
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

/// Items are [log-likelihood, weight]. A text without a token has the integer 0 and counts beside
/// others, as in the harness; when there are no others, nothing was scored.
std::optional<double> weighted_mean(std::span<const Value> items) {
  const auto has_tokens = [](const Value& item) { return !item[0].is_number_integer(); };
  if (std::ranges::none_of(items, has_tokens)) return std::nullopt;
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

std::vector<LabelPair> labels(std::span<const Value> items) {
  std::vector<LabelPair> pairs;
  for (const Value& item : items) pairs.push_back({item[0].get<int64_t>(), item[1].get<int64_t>()});
  return pairs;
}

std::optional<double> aggregate_f1(std::span<const Value> items) {
  const auto pairs = labels(items);
  if (!are_binary(pairs)) return std::nullopt;
  return f1_score(pairs);
}

std::optional<double> aggregate_matthews(std::span<const Value> items) {
  if (items.empty()) return std::nullopt;
  return matthews_correlation(labels(items));
}

/// Squared distance of the probabilities from certainty of the right choice. The harness has no
/// value where documents differ in their number of choices.
std::optional<double> aggregate_brier_score(std::span<const Value> items) {
  if (items.empty()) return std::nullopt;
  std::vector<double> distances;
  for (const Value& item : items) {
    if (item[1].size() != items[0][1].size()) return std::nullopt;
    std::vector<double> squares;
    for (size_t i = 0; i < item[1].size(); ++i) {
      const double difference = item[1][i].get<double>() - (item[0] == i ? 1.0 : 0.0);
      squares.push_back(difference * difference);
    }
    distances.push_back(numpy::sum(squares));
  }
  return numpy::sum(distances) / static_cast<double>(distances.size());
}

constexpr std::array kAggregations = {
    Aggregation{"mean", aggregate_mean, ErrorEstimate::of_mean},
    Aggregation{"median", aggregate_median, ErrorEstimate::bootstrap},
    Aggregation{"perplexity", aggregate_perplexity, ErrorEstimate::bootstrap},
    Aggregation{"weighted_perplexity", aggregate_weighted_perplexity, ErrorEstimate::none,
                ItemKind::pair},
    Aggregation{"bits_per_byte", aggregate_bits_per_byte, ErrorEstimate::none, ItemKind::pair},
    Aggregation{"f1", aggregate_f1, ErrorEstimate::bootstrap, ItemKind::labels},
    Aggregation{"matthews_corrcoef", aggregate_matthews, ErrorEstimate::bootstrap,
                ItemKind::labels},
    Aggregation{"brier_score", aggregate_brier_score, ErrorEstimate::none, ItemKind::distribution}};

/// Replicates in chunks of 1,000, each with a generator of its own, as the harness draws them.
template <typename T>
double bootstrap(double (*statistic)(std::span<const T>), const std::vector<T>& values,
                 int64_t iterations) {
  const int64_t chunk = std::min<int64_t>(1000, iterations);
  std::vector<double> replicates;
  replicates.reserve(static_cast<size_t>(iterations));
  std::vector<size_t> picks;
  std::vector<T> drawn(values.size());
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
  const auto all_numeric = [&](const Value& list) {
    return list.is_array() && std::all_of(list.begin(), list.end(), numeric);
  };
  const bool is_pair = item.is_array() && item.size() == 2;
  switch (aggregation.items) {
    case ItemKind::number:
      return numeric(item);
    case ItemKind::pair:
      return is_pair && all_numeric(item);
    case ItemKind::labels:
      return is_pair && item[0].is_number_integer() && item[1].is_number_integer();
    case ItemKind::distribution:
      return is_pair && item[0].is_number_integer() && all_numeric(item[1]);
    case ItemKind::list:
      return all_numeric(item);
  }
  return false;
}

Value shown_item(const Aggregation& aggregation, const Value& item) {
  if (aggregation.items != ItemKind::distribution) return item;
  const auto values = item[1].get<std::vector<double>>();
  return Value::array({item[0], numpy::array_str(values)});
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
      if (aggregation.items == ItemKind::labels)
        return bootstrap(aggregation.name == "f1" ? f1_score : matthews_correlation, labels(items),
                         bootstrap_iterations);
      return bootstrap(aggregation.name == "median" ? median_of : perplexity_of, numbers(items),
                       bootstrap_iterations);
  }
  return std::nullopt;
}

}  // namespace anemone::eval
