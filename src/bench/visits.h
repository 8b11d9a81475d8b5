#pragma once

#include <vector>

#include "anemone/bench.h"

/// Configurations are visited several times, every other time in the opposite order: what changes
/// evenly over the run, as heat does, falls on each of them alike, and how far visits differ says
/// how far runs do.
namespace anemone::bench {

/// How often each of so many configurations is visited: four times, twice or, of one that stands
/// alone, once where the requests are few.
int visits_of(const Options& options, size_t configurations);

/// The options of one visit: its share of the repetitions. Those beyond the planned `visits` take
/// the shares again.
Options of_visit(const Options& options, int visit, int visits);

struct Visited {
  Measurement measurement;
  std::vector<double> at_seconds;  ///< ends of its timed requests.
};

/// Puts samples of a later visit behind those of the earlier ones and summarises them anew. Memory,
/// loads and stages stay those of the first visit.
void add_visit(Visited& whole, Visited later, const Options& options);

}  // namespace anemone::bench
