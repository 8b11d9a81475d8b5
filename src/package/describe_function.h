#pragma once

#include "anemone/package.h"

namespace anemone::package {

/// What the model description says of a verified function: its inputs, states and outputs with
/// their dtypes and shapes.
FunctionDescription describe_function(const mil::Function& function);

}  // namespace anemone::package
