#pragma once

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "runtime/plan.h"
#include "runtime/weights.h"

namespace anemone::runtime {

struct PlanRequest {
  const mil::Function& function;
  /// Of the function's tensor inputs, in order; all dimensions known.
  std::span<const Shape> input_shapes;
  Numerics numerics = Numerics::fp16;
  /// Null: everything runs by its reference evaluation.
  const kernels::KernelSet* kernels = nullptr;
  Weights* weights = nullptr;  ///< required with `kernels`.
  int threads = 1;             ///< that share a step, for memory that each needs of its own.
  /// Of arena, states and computed constants together.
  uint64_t memory_limit_bytes = std::numeric_limits<uint64_t>::max();
  /// Names of values to show while the plan runs, and how; those that it does not have are passed
  /// over.
  std::vector<std::string> observed = {};
  ShowValue show = {};
  bool shows_first_lane = false;  ///< See Plan.
};

/// Plans a verified function: shapes propagated, constants folded, views and in-place state updates
/// found, kernels bound, memory laid out.
/// Errors: mismatch (the shapes break a constraint of an operation), limit (a value too large,
/// or the plan larger than allowed), unsupported (inputs and states of text), out_of_range (from
/// folding).
Result<std::shared_ptr<const Plan>> make_plan(const PlanRequest& request);

}  // namespace anemone::runtime
