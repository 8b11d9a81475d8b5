#pragma once

#include <span>
#include <string_view>

#include "convert/plan.h"

namespace anemone::converter {

/// Which options mean something to a layout; all know the others.
struct LayoutOptions {
  bool prefill = false;
  bool chunks = false;  ///< and `chip`, which decides how many.
  bool lengths = false;
  bool has_states = true;  ///< which need iOS 18.
};

/// One way to divide a model into packages: a file layout_<name>.cpp and a line of layouts.inc.
struct Layout {
  std::string_view name;
  Result<Plan> (*plan)(const Source& source, const Settings& settings);
  LayoutOptions options;
};

#define CONVERT_LAYOUT(name, ...) Result<Plan> plan_##name(const Source&, const Settings&);
#include "convert/layouts.inc"
#undef CONVERT_LAYOUT

std::span<const Layout> layouts();

}  // namespace anemone::converter
