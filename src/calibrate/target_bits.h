#pragma once

#include "calibrate/stored_plan.h"
#include "calibrate/tuner.h"

namespace anemone::calibrate {

/// The schemes among which target bits choose, the smallest first.
const std::vector<compress::Spec>& target_schemes();

/// Schemes that were chosen, and what they take.
struct TargetChoice {
  Choices choices;
  double bits = 0;  ///< a weight, of all that are not left dense.
};

/// A scheme for each weight but the embedding, such that all together take at most `bits` a weight
/// and the loss that is expected is small: of each weight in each scheme the error of its outputs,
/// times how far such errors in weights of its kind, of the same name in other layers, lead away
/// from the dense model (KL divergence), which is measured by compressing these alone, to 2 and
/// to 3 bits. Models for that are written into `folder` and removed. Errors: invalid_argument
/// (fewer bits than the smallest scheme takes, before anything is rounded), and those of running.
Result<TargetChoice> choose_schemes(Tuner& tuner, double bits, const std::filesystem::path& folder,
                                    const CompressOptions& compress, const Options& options);

}  // namespace anemone::calibrate
