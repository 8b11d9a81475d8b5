#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/binding.h"
#include "runtime/plan.h"

namespace anemone::runtime {

class PlanRunner;

/// The running of several Runners of one plan. Threads share either the lanes or, where weights are
/// so many that reading them once is what counts, the work of each step. In both ways steps whose
/// bindings join lanes run once for those of a group; the steps between are run lane by lane. Where
/// no step reads weights for several lanes, a lane is a thread's own, and all threads share the
/// steps of those that do not go round. The buffers of the Runners lie side by side, so that most
/// steps are one loop through all of them. Beside a LaneObserver threads share the steps, and the
/// values of the first lane are shown on the calling thread.
class Lockstep {
 public:
  explicit Lockstep(const Plan& plan);
  /// Allocates only when it fails, or when a Runner does not lie where it did in an earlier run.
  /// More lanes than the plan's limit of memory allows run one after the other.
  Status run(std::span<Runner* const> runners, std::span<State* const> states, ThreadPool& pool);

 private:
  /// How a step runs for several lanes.
  enum class Way : uint8_t { apart, lanes, neighbours };
  struct Stretch {
    Way way = Way::apart;
    size_t begin = 0;  ///< of steps that run so; one where it is not apart.
    size_t end = 0;
  };

  Way way_of(const Step& step) const;
  /// Whether the Runners have a value side by side, or one for all.
  bool is_side_by_side(ValueId value) const;
  void make_room(std::span<Runner* const> runners);
  /// Of the first `lanes` of them, groups that are a thread's own each.
  struct Division {
    size_t lanes = 0;
    size_t groups = 0;
  };
  Division divide(std::span<State* const> states, int threads) const;
  /// The first lane of a group. Lanes that share a state are in one.
  size_t first_of(size_t group, size_t groups, std::span<State* const> states) const;
  /// All steps of the lanes from `first` on. The joined ones use `scratch`.
  Status run_group(size_t first, std::span<Runner* const> runners, std::span<State* const> states,
                   std::span<std::byte> scratch, ThreadPool& pool);
  /// Steps [begin, end) of the lanes from `first` on.
  Status run_apart(size_t first, std::span<Runner* const> runners, size_t begin, size_t end,
                   ThreadPool& pool);

  const Plan& plan_;
  std::vector<Stretch> stretches_;
  bool joins_weights_ = false;  ///< of steps that run once for several lanes.
  bool shares_steps_ = false;   ///< between threads, not lanes.
  uint64_t most_lanes_ = 0;
  size_t lane_scratch_bytes_ = 0;  ///< of steps that run once for several lanes.
  Tensor arena_;
  Tensor scratch_;
  std::vector<Lane> lanes_;
  std::vector<Status> statuses_;
};

}  // namespace anemone::runtime
