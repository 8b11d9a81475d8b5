#pragma once

#include <filesystem>
#include <string>

#include "anemone/bench.h"

namespace anemone::bench {

/// As `judge`, in time that is proportional to the samples: without the intervals of their scatter.
Result<BaselineVerdict> judge_visits(const Report& report, const std::filesystem::path& baseline,
                                     double threshold);

/// Refuses before the first request what `judge` would refuse after the last one, as soon as the
/// configurations have their packages. Gives a remark on what of them is not the baseline's though
/// it is compared; empty: nothing. Errors: invalid_argument.
Result<std::string> check_fit(const std::filesystem::path& baseline, const Report& report);

/// Why a baseline that was asked for has no verdict; empty: none was, or it has one.
std::string baseline_reason(const Report& report);

/// What its verdicts mean, in sentences.
std::string rule_of(const BaselineVerdict& verdict);

}  // namespace anemone::bench
