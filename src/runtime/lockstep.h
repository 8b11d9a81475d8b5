#pragma once

#include <span>
#include <vector>

#include "runtime/binding.h"
#include "runtime/plan.h"

namespace anemone::runtime {

class PlanRunner;

/// The running of several Runners of one plan. Threads share either the lanes or, where weights are
/// so many that reading them once is what counts, the work of each step. In both ways steps whose
/// bindings join lanes run once for those of a group; the steps between are run lane by lane.
class Lockstep {
 public:
  explicit Lockstep(const Plan& plan);
  /// Allocates only when there are more lanes than ever before, or when it fails.
  Status run(std::span<Runner* const> runners, std::span<State* const> states, ThreadPool& pool);

 private:
  void make_room(size_t lanes);
  /// Groups of lanes, each a thread's own.
  size_t groups(size_t lanes, int threads) const;
  /// All steps of the lanes from `first` on. The joined ones use `scratch`.
  Status run_group(size_t first, std::span<Runner* const> runners, std::span<std::byte> scratch,
                   ThreadPool& pool);
  /// Steps [begin, end) of the lanes from `first` on.
  Status run_apart(size_t first, std::span<Runner* const> runners, size_t begin, size_t end,
                   ThreadPool& pool);

  const Plan& plan_;
  std::vector<size_t> joined_;  ///< steps.
  bool shares_steps_ = false;   ///< between threads, not lanes.
  Tensor scratch_;
  std::vector<Lane> lanes_;
  std::vector<Status> statuses_;
};

}  // namespace anemone::runtime
