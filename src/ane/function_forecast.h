#pragma once

#include "ane/chip.h"
#include "ane/model_view.h"
#include "anemone/forecast.h"

namespace anemone::ane {

/// Where the ops of a function would run, how long they would take, and what cuts it into pieces.
FunctionForecast forecast_function(const FunctionView& function, const Chip& chip);

}  // namespace anemone::ane
