#include "compare/paired_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "statistics/paired_bootstrap.h"
#include "statistics/paired_tests.h"

namespace anemone::compare {
namespace {

/// The items of the documents that have the metric in both runs.
struct Items {
  std::vector<Item> reference, subject;
  std::vector<size_t> places;  ///< among the pairs.
};

Items items_of(const Pairs& pairs, const std::string& metric) {
  Items out;
  for (size_t i = 0; i < pairs.reference.size(); ++i) {
    const auto a = item_of(*pairs.reference[i], metric);
    const auto b = item_of(*pairs.subject[i], metric);
    if (!a || !b) continue;
    out.reference.push_back(*a);
    out.subject.push_back(*b);
    out.places.push_back(i);
  }
  return out;
}

std::vector<double> firsts(std::span<const Item> items) {
  std::vector<double> values;
  for (const Item& item : items) values.push_back(item.first);
  return values;
}

bool are_right_or_wrong(std::span<const Item> items) {
  return std::ranges::all_of(items, [](const Item& item) {
    return item.second == 1 && (item.first == 0 || item.first == 1);
  });
}

statistics::PairedBootstrap bootstrap_of(std::span<const Item> reference,
                                         std::span<const Item> subject, Aggregation aggregation,
                                         const statistics::BootstrapOptions& options) {
  const auto difference = [&](std::span<const size_t> drawn) {
    Item a{0, 0};
    Item b{0, 0};
    for (const size_t i : drawn) {
      a.first += reference[i].first;
      a.second += reference[i].second;
      b.first += subject[i].first;
      b.second += subject[i].second;
    }
    return aggregate(aggregation, b.first, b.second) - aggregate(aggregation, a.first, a.second);
  };
  return statistics::paired_bootstrap(reference.size(), difference, options);
}

void find_flips(const Pairs& pairs, const Items& items, Aggregation aggregation,
                const Options& options, Difference& difference) {
  for (size_t i = 0; i < items.places.size(); ++i) {
    const Item& a = items.reference[i];
    const Item& b = items.subject[i];
    if (a == b) continue;
    ++difference.flips;
    if (difference.shown_flips.size() >= options.most_flips) continue;
    const eval::RecordedSample& before = *pairs.reference[items.places[i]];
    const eval::RecordedSample& after = *pairs.subject[items.places[i]];
    difference.shown_flips.push_back({before.document, aggregate(aggregation, a.first, a.second),
                                      aggregate(aggregation, b.first, b.second),
                                      before.chosen.value_or(""), after.chosen.value_or("")});
  }
}

/// Answers and log-likelihoods of the documents that have them in both runs.
void find_agreement(const Pairs& pairs, const Items& items, Difference& difference) {
  int64_t answered = 0;
  int64_t same = 0;
  double sum = 0;
  double largest = 0;
  int64_t requests = 0;
  for (const size_t place : items.places) {
    const eval::RecordedSample& a = *pairs.reference[place];
    const eval::RecordedSample& b = *pairs.subject[place];
    if (a.chosen && b.chosen) {
      ++answered;
      same += a.chosen == b.chosen ? 1 : 0;
    }
    if (a.log_likelihoods.size() != b.log_likelihoods.size()) continue;
    for (size_t i = 0; i < a.log_likelihoods.size(); ++i) {
      const double distance = std::abs(a.log_likelihoods[i] - b.log_likelihoods[i]);
      largest = std::max(largest, distance);
      sum += distance;
      ++requests;
    }
  }
  const auto documents = static_cast<double>(items.places.size());
  difference.same_metric = 1 - static_cast<double>(difference.flips) / documents;
  if (answered > 0)
    difference.same_answer = static_cast<double>(same) / static_cast<double>(answered);
  if (requests == 0) return;
  difference.largest_distance = largest;
  difference.mean_distance = sum / static_cast<double>(requests);
}

/// The smallest two-sided p that signs of so many documents can carry: all go one way.
double least_p(size_t documents) { return std::ldexp(1.0, 1 - static_cast<int>(documents)); }

void test_mean(const Items& items, double confidence, Difference& difference) {
  const auto found =
      statistics::paired_t(firsts(items.reference), firsts(items.subject), confidence);
  if (!found) {
    difference.reason = "the numbers are too large to test";
    return;
  }
  difference.method = Method::paired_t;
  difference.p = std::max(found->p, least_p(items.places.size()));
  difference.interval = found->interval;
}

}  // namespace

Figure paired_figure(std::span<const Item> reference, std::span<const Item> subject,
                     Aggregation aggregation, const statistics::BootstrapOptions& options) {
  Figure figure;
  const double value = aggregate(aggregation, subject) - aggregate(aggregation, reference);
  if (reference.empty() || !std::isfinite(value)) return figure;
  figure.value = value;
  if (reference.size() < 2) return figure;
  const auto found = bootstrap_of(reference, subject, aggregation, options);
  if (std::isfinite(found.interval.low)) figure.interval = found.interval;
  return figure;
}

void test_pairs(const Pairs& pairs, const std::string& metric, Aggregation aggregation,
                const Options& options, Difference& difference) {
  const Items items = items_of(pairs, metric);
  difference.tested = static_cast<int64_t>(items.places.size());
  if (items.places.empty()) {
    difference.reason = "no document has the metric in both runs";
    return;
  }
  find_flips(pairs, items, aggregation, options, difference);
  find_agreement(pairs, items, difference);
  const double value =
      aggregate(aggregation, items.subject) - aggregate(aggregation, items.reference);
  if (!std::isfinite(value)) {
    difference.reason = "the score of the matched documents is not defined";
    return;
  }
  difference.value = value;
  if (items.places.size() < 2) {
    difference.reason = "one document cannot be tested";
    return;
  }
  const bool is_mean = aggregation == Aggregation::mean;
  const bool is_binary =
      is_mean && are_right_or_wrong(items.reference) && are_right_or_wrong(items.subject);
  if (is_mean && !is_binary) return test_mean(items, options.bootstrap.confidence, difference);
  const auto drawn = bootstrap_of(items.reference, items.subject, aggregation, options.bootstrap);
  if (std::isfinite(drawn.interval.low)) difference.interval = drawn.interval;
  if (is_binary) {
    const auto found = statistics::mcnemar(firsts(items.reference), firsts(items.subject));
    difference.method = Method::mcnemar;
    difference.p = found.p;
    difference.only_reference_right = found.only_first;
    difference.only_subject_right = found.only_second;
    return;
  }
  if (!difference.interval) {
    difference.reason = "no resample has a score";
    return;
  }
  difference.method = Method::bootstrap;
  difference.p = std::max(drawn.p, least_p(items.places.size()));
  if (items.places.size() < 10)
    difference.reason =
        fmt::format("{} documents are few for an interval by resampling", items.places.size());
  if (drawn.undefined > 0)
    difference.reason +=
        fmt::format("{}{} of {} resamples have no score", difference.reason.empty() ? "" : ", ",
                    drawn.undefined, options.bootstrap.resamples);
}

}  // namespace anemone::compare
