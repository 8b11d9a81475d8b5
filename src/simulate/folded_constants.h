#pragma once

#include <string>
#include <vector>

#include "anemone/program.h"

namespace anemone::simulate {

/// Names of what a function computes of constants alone and that holds an infinity, in the Neural
/// Engine's arithmetic: a plan folds such values, so nobody observes them. `constant` says of each
/// operation of the outermost block whether no input changes it. Decompressed weights and values of
/// more than a million elements are taken for finite.
std::vector<std::string> infinite_folds(const mil::Function& function,
                                        const std::vector<bool>& constant);

}  // namespace anemone::simulate
