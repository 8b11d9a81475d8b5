#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/package.h"

namespace anemone::package {

/// The least systems that load a package.
struct Systems {
  std::string_view ios;    ///< "18"
  std::string_view macos;  ///< "15"
  /// What asks for them, or, where only the version that the package declares does, that version.
  std::vector<std::string> because;
};

/// Derives them from the program: the opset of its functions and the ops that came with it, its
/// states and functions, the dtypes of its inputs and results; and from the declared specification
/// version, which Core ML goes by. Nothing for versions that no system is known for.
std::optional<Systems> systems_of(const Package& package);

}  // namespace anemone::package
