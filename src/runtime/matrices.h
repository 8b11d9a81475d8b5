#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "anemone/tensor.h"

namespace anemone::runtime {

/// For every matrix of a batch the first element of the matrix that an operand of shape `own`,
/// [.., rows, columns], has for it; `repeated` says which of the matrices of `own` is read in its
/// place, and is empty where each is itself.
std::vector<int64_t> first_elements(const Shape& own, const Shape& batch,
                                    std::span<const int64_t> repeated);

}  // namespace anemone::runtime
