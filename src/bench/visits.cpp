#include "bench/visits.h"

#include <algorithm>
#include <iterator>

#include "bench/energy_meter.h"
#include "bench/measure.h"

namespace anemone::bench {
namespace {

constexpr int kLeastOfFourVisits = 8;  ///< requests: two a visit have a median.

void append(Series& whole, Series&& later, const Options& options) {
  std::vector<double> samples = std::move(whole.samples);
  std::ranges::move(later.samples, std::back_inserter(samples));
  whole = make_series(std::move(samples), options);
}

/// Of two spans of time with a mean each. Nothing where one is not known.
std::optional<double> mean_over_time(const std::optional<double>& first_total,
                                     const std::optional<double>& first_mean,
                                     const std::optional<double>& later_total,
                                     const std::optional<double>& later_mean) {
  if (!first_total || !later_total || !first_mean || !later_mean) return {};
  if (*first_mean <= 0 || *later_mean <= 0) return {};
  return (*first_total + *later_total) / (*first_total / *first_mean + *later_total / *later_mean);
}

std::optional<double> sum(const std::optional<double>& a, const std::optional<double>& b) {
  return a && b ? std::optional(*a + *b) : std::nullopt;
}

/// A rail that one of the visits lacks is left out.
void add_energy(Energy& whole, Energy&& later, double tokens) {
  whole.watts = mean_over_time(whole.joules, whole.watts, later.joules, later.watts);
  whole.joules = sum(whole.joules, later.joules);
  whole.joules_per_token.reset();
  if (whole.joules) whole.joules_per_token = *whole.joules / tokens;
  if (whole.reason.empty()) whole.reason = std::move(later.reason);
  std::erase_if(whole.rails, [&](const auto& rail) { return !later.rails.contains(rail.first); });
  for (auto& [name, joules] : whole.rails) joules += later.rails[name];
}

void add_processor(Processor& whole, const Processor& later) {
  whole.utilisation =
      mean_over_time(whole.cpu_seconds, whole.utilisation, later.cpu_seconds, later.utilisation);
  whole.cpu_seconds = sum(whole.cpu_seconds, later.cpu_seconds);
}

void add_thermal(Thermal& whole, Thermal&& later) {
  whole.pressure = worse_pressure(whole.pressure, later.pressure);
  whole.celsius_after = later.celsius_after;
}

}  // namespace

int visits_of(const Options& options, size_t configurations) {
  if (options.repetitions >= kLeastOfFourVisits) return 4;
  return configurations > 1 && options.repetitions > 1 ? 2 : 1;
}

Options of_visit(const Options& options, int visit, int visits) {
  Options own = options;
  const int place = visit % visits;
  own.repetitions = options.repetitions / visits + (place < options.repetitions % visits ? 1 : 0);
  return own;
}

void add_visit(Visited& whole, Visited later, const Options& options) {
  Measurement& own = whole.measurement;
  Measurement& other = later.measurement;
  append(own.first_token.cold_ns, std::move(other.first_token.cold_ns), options);
  append(own.first_token.warm_ns, std::move(other.first_token.warm_ns), options);
  append(own.first_token.cached_ns, std::move(other.first_token.cached_ns), options);
  append(own.prefill_tokens_per_second, std::move(other.prefill_tokens_per_second), options);
  append(own.decode_tokens_per_second, std::move(other.decode_tokens_per_second), options);
  append(own.step_ns, std::move(other.step_ns), options);
  append(own.request_ns, std::move(other.request_ns), options);
  std::ranges::move(other.visits, std::back_inserter(own.visits));
  std::ranges::move(later.at_seconds, std::back_inserter(whole.at_seconds));
  own.drift = drift_of(own, whole.at_seconds, options);
  add_energy(own.energy, std::move(other.energy),
             static_cast<double>(own.request_ns.samples.size()) *
                 static_cast<double>(own.prompt_tokens + own.answer_tokens));
  add_processor(own.processor, other.processor);
  add_thermal(own.thermal, std::move(other.thermal));
  own.outputs.repeatable = own.outputs.repeatable && other.outputs.repeatable &&
                           own.outputs.tokens == other.outputs.tokens;
}

}  // namespace anemone::bench
