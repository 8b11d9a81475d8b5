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
};

/// Reads the log of `powermetrics -f plist` (documents with a NUL between them) or of `macmon pipe`
/// (a line of JSON each). The last document may be cut off. Rails that the program does not have
/// are absent, never 0. Errors: corrupt (neither; a document before the last that is no document).
Result<std::vector<PowerSample>> parse_power_log(std::string_view text);

/// Joules by rail between two moments: each sample counts by the part of its stretch that lies
/// between. Nothing where samples do not cover at least `coverage` of the time.
std::map<std::string, double> integrate_power(const std::vector<PowerSample>& samples,
                                              double from_s, double to_s, double coverage = 0.9);

/// "1970-01-01T00:00:00Z", with a fraction and an offset ("+00:00") if given. Errors: corrupt.
Result<double> parse_time(std::string_view text);

}  // namespace anemone::bench
