#pragma once

#include <memory>

#include "runtime/plan.h"

namespace anemone::runtime {

/// A Runner with buffers of its own. `state_names` are those of plan->states. `owner` is kept alive
/// as long as the Runner: constants of the plan lie in the model's files.
std::unique_ptr<Runner> make_runner(std::shared_ptr<const Plan> plan, ThreadPool& pool,
                                    std::shared_ptr<const void> owner);

}  // namespace anemone::runtime
