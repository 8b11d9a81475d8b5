#pragma once

#include <vector>

#include "anemone/bench.h"

namespace anemone::bench {

/// Every combination that the options ask for, none of them run yet: by context first, then
/// prefill, chunks, units and threads. Those that this machine cannot run say so already.
std::vector<Configuration> make_sweep(const Options& options, const Machine& machine);

/// Indices of a sweep's configurations in the order in which they run: the sweep's own, but of
/// those that differ by compute units and threads alone the ones on cpu come first, so that the
/// others are held against them.
std::vector<size_t> running_order(const Options& options, size_t configurations);

/// Whether Core ML is what configurations run on, as far as it takes them.
bool may_use_coreml(const Options& options);

/// Errors: invalid_argument (names the option).
Status check_options(const Options& options);

/// Errors: invalid_argument (two numbers of threads are the same on this machine).
Status check_threads(const Options& options, const Machine& machine);

}  // namespace anemone::bench
