#pragma once

#include <span>
#include <vector>

#include "mil/op.h"

namespace anemone::mil {

/// Allocates the outputs of a plain op and runs its reference evaluation.
/// `inputs` have every value, `types` are what `infer` said of them. fp16 outputs are stored as
/// fp32 when `round_fp16` is false, except those of constexpr ops, which are weights as stored.
/// Errors: unsupported (no evaluation, or a type that cannot be stored), mismatch (a dimension is
/// still unknown), limit (an output of more than 4 GiB), and what the op reports.
Result<std::vector<Tensor>> evaluate(const OpDef& op, const Operands& inputs,
                                     std::span<const ValueType> types, bool round_fp16);

}  // namespace anemone::mil
