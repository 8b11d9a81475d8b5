#pragma once

#include "package/weight_plan.h"
#include "package/write_wire.h"

namespace anemone::package {

/// The contents of a Program. Maps are written in the order of their keys.
void write_program(Writer& message, const mil::Program& program, const WeightPlan& plan);

}  // namespace anemone::package
