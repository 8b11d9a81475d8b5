#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"

namespace anemone::bench {

/// Power that some program saw over a stretch of time.
struct PowerSample {
  double end_s = 0;                     ///< of the stretch, seconds of 1970's clock.
  double seconds = 0;                   ///< its length.
  std::map<std::string, double> watts;  ///< by rail: "cpu", "gpu", "ane".
  std::string pressure;  ///< "nominal", "moderate", "heavy", "trapping", "sleeping"; or empty.
  bool in_whole_seconds = false;  ///< `end_s` is.
};

/// Reads the log of `powermetrics -f plist` (documents with a NUL between them) or of `macmon pipe`
/// (a line of JSON each). The last document may be cut off. Rails that the program does not have
/// are absent, never 0. Errors: corrupt (neither; a document that is of another
/// program, or one before the last that is cut off).
Result<std::vector<PowerSample>> parse_power_log(std::string_view text);

struct IntegratedPower {
  std::map<std::string, double> joules;  ///< by rail.
  std::vector<std::string> gaps;         ///< rails that were seen for too little of the time.
};
/// Between two moments: each sample counts by the part of its stretch that lies between, and what
/// no sample covers takes the mean power of the rest. A rail has a gap where samples cover less
/// than `coverage` of the time.
IntegratedPower integrate_power(const std::vector<PowerSample>& samples, double from_s, double to_s,
                                double coverage = 0.9);

/// "1970-01-01T00:00:00Z", with a fraction and an offset ("+00:00") if given. Errors: corrupt.
Result<double> parse_time(std::string_view text);

}  // namespace anemone::bench
