#pragma once

#include <span>

#include "anemone/passes.h"

namespace anemone::passes {

struct Pass {
  std::string_view name;  ///< also what switches it off.
  std::string_view doc;   ///< one sentence.
  Counts (*run)(mil::Function& function) = nullptr;
};

/// All passes in the order in which they run.
std::span<const Pass* const> all_passes();

}  // namespace anemone::passes
