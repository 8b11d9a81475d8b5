#pragma once

#include "anemone/model.h"
#include "anemone/program.h"

namespace anemone::runtime {

/// The dtype in which a value of the program is stored.
DType storage_dtype(DType dtype, Numerics numerics);

/// Every state that any function declares, zeroed.
State declared_states(const mil::Program& program, Numerics numerics);

}  // namespace anemone::runtime
