#pragma once

#include <optional>
#include <vector>

#include "mil/op.h"

namespace anemone::passes {

/// Operands and results of a folded operation have at most so many elements, as what the verifier
/// computes for itself has: folding brings no fault to light, and no weight out of its file.
inline constexpr int64_t kMostElements = 64;

/// The values of a plain operation whose operands are constants with contents, by its reference
/// evaluation, as the executor folds too. Nothing where there are more elements, a bit of a result
/// differs from what the operation yields without rounding to fp16, it is an error, it is random,
/// or it is a compressed weight's.
/// `inputs` are the operation's, sound.
std::optional<std::vector<Tensor>> fold(const mil::Operation& operation, const mil::OpDef& op,
                                        const mil::Operands& inputs,
                                        std::span<const mil::Operand> all);

}  // namespace anemone::passes
