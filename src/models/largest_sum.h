#pragma once

namespace anemone::models {

/// No partial sum of a dot product or a reduction may pass this on the Neural Engine: it adds in
/// fixed point, Q15.16, and what overflows stays infinite. Source: ANEForge's docs/numeric-cliffs
/// and 751K-M6's notes/numerics (M1 to M6: outputs of 32752 to 32759 become infinite).
inline constexpr double kLargestSum = 32752;

}  // namespace anemone::models
