#pragma once

#include "runtime/arguments.h"

namespace anemone::runtime {

/// Whether a `conv` is a product over channels: a window of one element, moved by one, without
/// padding and groups.
bool is_pointwise(const Arguments& conv);

}  // namespace anemone::runtime
