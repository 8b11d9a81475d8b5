#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/bench.h"
#include "bench/clock.h"
#include "bench/measure.h"

namespace anemone::bench {

/// Loads each package of a model by itself, as often as a configuration is loaded, and runs each of
/// its functions on zeros: `warmup` times uncounted, then `repetitions` times. Where Core ML runs
/// it, its plan divides the time over the ops. `done` as of `measure`, once a function. Errors:
/// those of the packages, interrupted.
Result<std::vector<FunctionTimes>> time_functions(const std::filesystem::path& model,
                                                  const runtime::Options& runtime,
                                                  const Options& options, Clock& clock,
                                                  const RequestDone& done);

/// The ops of a function in a compute plan (docs/compute-plan.md) that have a unit and a cost, the
/// dearest first: each with its share of all costs. Errors: corrupt (no such document or function),
/// unsupported (no op has a cost).
Result<std::vector<OperationTime>> divide_by_plan(std::string_view plan, std::string_view function);

}  // namespace anemone::bench
