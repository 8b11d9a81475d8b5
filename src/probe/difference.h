#pragma once

#include <span>

#include "anemone/probe.h"

namespace anemone::probe {

/// The errors of `model` / `scale` against `reference`, as many values; `name`, `rows` and what
/// compares points with each other are left as they are. `over` is filled.
PointError difference(std::span<const float> reference, std::span<const float> model, double scale,
                      const Tolerance& tolerance);

}  // namespace anemone::probe
