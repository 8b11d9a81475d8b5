#pragma once

#include "ane/chip.h"
#include "ane/rule.h"
#include "anemone/forecast.h"

namespace anemone::ane {

/// Where the ops of a function would run, how long they would take, and what cuts it into pieces.
/// `obstacles` are those of its model on the chip.
FunctionForecast forecast_function(const FunctionView& function, const Chip& chip,
                                   const Obstacles& obstacles);

}  // namespace anemone::ane
