#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "anemone/result.h"

/// Compression of weights in the forms that Core ML reads.
namespace anemone {

/// A weight that was compressed.
struct CompressedWeight {
  std::string package;
  std::string name;    ///< of the constant.
  std::string part;    ///< "ffn", "attn", "head" or "embed".
  std::string scheme;  ///< as it was asked for: "lut4:g16".
  int64_t elements = 0;
  uint64_t dense_bytes = 0;
  uint64_t bytes = 0;  ///< codes, tables and scales together.
  /// Squared error over the sum of squares; nothing before the weight is written.
  std::optional<double> relative_error;
  /// The same of the outputs that the weight makes of a text; nothing without calibration, and for
  /// weights that it cannot tune.
  std::optional<double> output_error;
};

namespace compress {
class WeightPlan;
}

}  // namespace anemone
