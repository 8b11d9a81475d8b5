#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "anemone/package.h"
#include "compress/find_weights.h"

namespace anemone::calibrate {

/// A value that a function multiplies a weight with.
struct InputUse {
  std::filesystem::path package;
  std::string function;
  std::string value;
  size_t axis_from_end = 1;  ///< where the input channels are: 1 is the last axis.
  auto operator<=>(const InputUse&) const = default;
};

/// A weight of a package, with all that it is multiplied with in any function.
struct WeightInputs {
  compress::FoundWeight weight;
  std::vector<std::string> names;  ///< that functions have for it.
  Tensor dense;
  std::vector<InputUse> uses;
  bool is_tunable = true;  ///< no reader in any function takes it in a way that is not observed.
};

/// The weights of a package, each once however many functions share it, by the name that the first
/// of them has for it, in the order of the program. `name` as compress::find_weights takes it.
std::vector<WeightInputs> weight_inputs(const package::Package& package, std::string_view name);

}  // namespace anemone::calibrate
