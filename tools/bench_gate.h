#pragma once

#include <string>

#include "anemone/bench.h"
#include "anemone/log.h"

namespace anemone::tools {

/// The exit code of a verdict: something slower or lost is 1, something that cannot be told 3. Of
/// one that passed it tells the words. `baseline` is the file as it was named.
Status check_verdict(const bench::BaselineVerdict& verdict, const std::string& baseline,
                     const LogSink& log);

}  // namespace anemone::tools
