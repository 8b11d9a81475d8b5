#pragma once

#include "package/weight_plan.h"
#include "package/write_wire.h"

namespace anemone::package {

/// The contents of a Value: a reference when `plan` puts its contents into the weight file.
void write_value(Writer& message, const mil::Value& value, const WeightPlan& plan);

}  // namespace anemone::package
