#pragma once

#include <filesystem>
#include <string>

#include "anemone/bench.h"

namespace anemone::bench {

/// As `judge`, in time that is proportional to the samples: without the intervals of their scatter.
Result<BaselineVerdict> judge_visits(const Report& report, const std::filesystem::path& baseline,
                                     double threshold);

/// What its verdicts mean, in sentences.
std::string rule_of(const BaselineVerdict& verdict);

}  // namespace anemone::bench
