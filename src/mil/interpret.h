#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "anemone/program.h"
#include "mil/resolve.h"

namespace anemone::mil {

/// Runs a function op by op with the reference evaluations: the readable oracle. No plan, no reuse
/// of memory. `inputs` are in the order of the function's inputs, states excluded; `states` in the
/// order of its states and updated in place. fp16 values are stored as fp32 when `round_fp16` is
/// false. Errors: unsupported (an op without evaluation), out_of_range (from an op), mismatch
/// (inputs).
Result<std::vector<Tensor>> interpret(const Program& program, std::string_view function,
                                      std::span<const Tensor> inputs, std::span<Tensor> states = {},
                                      bool round_fp16 = true);

/// Runs one operation of a function of iOS opset `opset`, nested blocks included. `scope` has the
/// values it names; `states` has the contents of the states that nested blocks name, in the order
/// of `state_names`. Errors: as interpret.
Result<std::vector<Tensor>> interpret_operation(const Operation& operation, int opset,
                                                const Scope& scope,
                                                std::span<const std::string_view> state_names,
                                                std::span<Tensor> states, bool round_fp16);

}  // namespace anemone::mil
