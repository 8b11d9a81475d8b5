#pragma once

#include "anemone/bench.h"

namespace anemone::bench {

/// As `judge`, in time that is proportional to the samples: without the intervals of their scatter.
Result<BaselineVerdict> judge_visits(const Report& report, const std::filesystem::path& baseline,
                                     double threshold);

}  // namespace anemone::bench
