#pragma once

#include <vector>

#include "anemone/bench.h"

namespace anemone::bench {

/// Every combination that the options ask for, none of them run yet: by context first, then
/// prefill, chunks, units and threads. Those that this machine cannot run say so already.
std::vector<Configuration> make_sweep(const Options& options, const Machine& machine);

/// Errors: invalid_argument (names the option).
Status check_options(const Options& options);

}  // namespace anemone::bench
