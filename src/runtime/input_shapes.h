#pragma once

#include <span>
#include <vector>

#include "anemone/model.h"

namespace anemone::runtime {

/// The shape of every tensor input of `function`, in its order: the one given, else the default of
/// the description (which may be null), else the program's own. Errors: mismatch, naming the input,
/// what was given and what is allowed.
Result<std::vector<Shape>> choose_input_shapes(const mil::Function& function,
                                               const package::FunctionDescription* description,
                                               std::span<const Model::InputShape> given);

}  // namespace anemone::runtime
