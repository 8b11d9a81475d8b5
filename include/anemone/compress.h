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
  std::string name;  ///< of the constant.
  std::string part;  ///< "ffn", "attn", "head" or "embed".
  /// Of one table that is embedding and head, stored once: the other of the two. Else empty.
  std::string also_part;
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

/// A constant that products or gathers read, and that was left as it is though its part, if it is
/// of one, was to be compressed.
struct LeftWeight {
  std::string package;
  std::string name;
  std::string part;  ///< as CompressedWeight::part; empty: no product takes it.
  int64_t elements = 0;
  std::string why;
  bool is_multiplied = false;  ///< dense, of more than 2,048 elements, and products take it.
};

namespace compress {
class WeightPlan;
}

}  // namespace anemone
