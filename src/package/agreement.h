#pragma once

#include <string_view>

#include "anemone/package.h"

namespace anemone::package {

/// Where description and program disagree:
///   package_c1  every described function is in the program
///   package_c2  every function of the program is described
///   package_c3  a function has the inputs that are described, and no others
///   package_c4  their types agree
///   package_c5  a function has the outputs that are described, and no others
///   package_c6  their types agree
///   package_c7  a function has the states that are described, and no others
///   package_c8  their types agree
mil::Diagnostics check_agreement(const Package& package);

/// The type of what `function` returns as `name`; null when nothing has that name.
const mil::ValueType* type_of_result(const mil::Function& function, std::string_view name);

}  // namespace anemone::package
