#pragma once

#include <span>
#include <string_view>

#include "convert/plan.h"

namespace anemone::converter {

/// One way to divide a model into packages: a file layout_<name>.cpp and a line of layouts.inc.
struct Layout {
  std::string_view name;
  Result<Plan> (*plan)(const Source& source, const Settings& settings);
};

#define CONVERT_LAYOUT(name) Result<Plan> plan_##name(const Source&, const Settings&);
#include "convert/layouts.inc"
#undef CONVERT_LAYOUT

std::span<const Layout> layouts();

}  // namespace anemone::converter
