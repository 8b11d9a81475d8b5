#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "anemone/bench.h"
#include "bench/measure.h"

/// Reports made by hand, for tests.
namespace anemone::bench {

/// As many visits as a run makes of so many requests, with the reference work at one speed.
inline std::vector<Visit> visits_of_requests(size_t requests) {
  const size_t count = requests >= 8 ? 4 : std::min<size_t>(requests, 2);
  std::vector<Visit> visits;
  for (size_t i = 0; i < count; ++i)
    visits.push_back({.requests = requests / count + (i < requests % count ? 1 : 0),
                      .reference_ns = 1000,
                      .cached_reference_ns = 1000});
  return visits;
}

/// A measured configuration whose requests decoded at these speeds.
inline Configuration decoded_at(int64_t context, std::vector<double> speeds) {
  Configuration one{.context_tokens = context,
                    .prefill_block_tokens = 64,
                    .chunks = 1,
                    .compute_units = "cpu",
                    .threads = 2,
                    .outcome = Outcome::measured};
  Measurement own;
  std::vector<double> steps;
  for (const double speed : speeds) steps.push_back(1e9 / speed);
  own.step_ns = make_series(std::move(steps), {});
  own.visits = visits_of_requests(speeds.size());
  own.first_token.warm_ns = make_series(std::vector<double>(speeds.size(), 5e6), {});
  own.decode_tokens_per_second = make_series(std::move(speeds), {});
  own.memory.peak_rss_bytes = 1000;
  own.memory.peak_is_own = true;
  own.outputs.tokens = {1, 2, 3};
  own.outputs.repeatable = true;
  one.measurement = std::move(own);
  return one;
}

inline Report report_of(std::vector<Configuration> configurations) {
  Report report;
  report.machine = {.cpu = "C", .architecture = "A", .cores = 2};
  report.model.name = "m";
  report.configurations = std::move(configurations);
  return report;
}

}  // namespace anemone::bench
