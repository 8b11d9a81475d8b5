#pragma once

#include <span>
#include <vector>

#include "runtime/binding.h"
#include "runtime/plan.h"

namespace anemone::runtime {

class PlanRunner;

/// The running of several Runners of one plan. Steps whose bindings join the lanes run once for all
/// of them; the steps between are run lane by lane, a lane by one thread, so that what it computes
/// stays in that core's cache.
class Lockstep {
 public:
  explicit Lockstep(const Plan& plan);
  /// Allocates only when there are more lanes than ever before, or when it fails.
  Status run(std::span<Runner* const> runners, std::span<State* const> states, ThreadPool& pool);

 private:
  void make_room(size_t lanes);
  /// Steps [first, last) of every lane.
  Status run_apart(std::span<Runner* const> runners, size_t first, size_t last, ThreadPool& pool);

  const Plan& plan_;
  std::vector<size_t> joined_;  ///< steps.
  Tensor scratch_;
  std::vector<Lane> lanes_;
  std::vector<Status> statuses_;
};

}  // namespace anemone::runtime
