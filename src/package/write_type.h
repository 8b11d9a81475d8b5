#pragma once

#include "anemone/program.h"
#include "package/write_wire.h"

namespace anemone::package {

/// The contents of a ValueType.
void write_value_type(Writer& message, const mil::ValueType& type);

}  // namespace anemone::package
