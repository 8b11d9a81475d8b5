#include "runtime/lockstep.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/plan_runner.h"

namespace anemone::runtime {
namespace {

// Lanes that are worth the reading of all weights once more by another thread.
constexpr size_t kLeastGroup = 4;

// Weights of which every thread may read all by itself.
constexpr int64_t kMostOwnWeightBytes = int64_t{64} << 20;

PlanRunner& as_planned(Runner* runner) { return static_cast<PlanRunner&>(*runner); }

}  // namespace

Lockstep::Lockstep(const Plan& plan) : plan_(plan) {
  int64_t weight_bytes = 0;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Binding* const binding = plan.steps[i].binding.get();
    if (binding == nullptr || !binding->lanes_scratch_bytes(1)) continue;
    joined_.push_back(i);
    weight_bytes += binding->weight_bytes();
  }
  shares_steps_ = weight_bytes > kMostOwnWeightBytes;
}

size_t Lockstep::groups(size_t lanes, int threads) const {
  const size_t least = joined_.empty() ? 1 : kLeastGroup;
  return shares_steps_ ? 1 : std::clamp<size_t>(lanes / least, 1, static_cast<size_t>(threads));
}

void Lockstep::make_room(size_t lanes) {
  if (lanes <= lanes_.size()) return;
  size_t bytes = 0;
  for (const size_t step : joined_)
    bytes = std::max(bytes, *plan_.steps[step].binding->lanes_scratch_bytes(1));
  scratch_ = Tensor::zeros(DType::uint8, {static_cast<int64_t>(lanes * bytes)});
  lanes_.resize(lanes);
  statuses_.resize(lanes);
}

Status Lockstep::run(std::span<Runner* const> runners, std::span<State* const> states,
                     ThreadPool& pool) {
  const size_t lanes = runners.size();
  make_room(lanes);
  for (size_t lane = 0; lane < lanes; ++lane)
    ANEMONE_RETURN_IF_ERROR(as_planned(runners[lane]).bind_states(states[lane]));
  const std::span<std::byte> scratch = scratch_.mutable_bytes();
  const size_t groups = this->groups(lanes, pool.threads());
  if (groups == 1) return run_group(0, runners, scratch, pool);
  const size_t lane_bytes = scratch.size() / lanes_.size();
  pool.parallel_for(static_cast<int64_t>(groups), 1, [&](int64_t begin, int64_t end) {
    for (auto group = static_cast<size_t>(begin); group < static_cast<size_t>(end); ++group) {
      const size_t first = lanes * group / groups;
      const size_t count = lanes * (group + 1) / groups - first;
      statuses_[first] = run_group(first, runners.subspan(first, count),
                                   scratch.subspan(first * lane_bytes, count * lane_bytes), pool);
    }
  });
  for (size_t lane = 0; lane < lanes; ++lane)
    if (!statuses_[lane].ok()) return std::exchange(statuses_[lane], Status());
  return {};
}

Status Lockstep::run_group(size_t first, std::span<Runner* const> runners,
                           std::span<std::byte> scratch, ThreadPool& pool) {
  const auto lanes = std::span(lanes_).subspan(first, runners.size());
  size_t next = 0;
  for (const size_t joined : joined_) {
    ANEMONE_RETURN_IF_ERROR(run_apart(first, runners, next, joined, pool));
    for (size_t lane = 0; lane < runners.size(); ++lane)
      lanes[lane] = as_planned(runners[lane]).lane_of(joined);
    plan_.steps[joined].binding->run_lanes(lanes, scratch, pool);
    next = joined + 1;
  }
  return run_apart(first, runners, next, plan_.steps.size(), pool);
}

Status Lockstep::run_apart(size_t first, std::span<Runner* const> runners, size_t begin, size_t end,
                           ThreadPool& pool) {
  if (begin == end) return {};
  const auto statuses = std::span(statuses_).subspan(first, runners.size());
  pool.parallel_for(static_cast<int64_t>(runners.size()), 1, [&](int64_t from, int64_t to) {
    for (auto lane = static_cast<size_t>(from); lane < static_cast<size_t>(to); ++lane)
      statuses[lane] = as_planned(runners[lane]).run_steps(begin, end);
  });
  for (Status& status : statuses)
    if (!status.ok()) return std::exchange(status, Status());
  return {};
}

Status run_lockstep(std::span<Runner* const> runners, std::span<State* const> states) {
  ANEMONE_CHECK(!runners.empty() && runners.size() == states.size(), "a state for every runner");
  auto* const first = dynamic_cast<PlanRunner*>(runners[0]);
  const auto fits = [&](Runner* runner) {
    const auto* planned = dynamic_cast<PlanRunner*>(runner);
    return planned != nullptr && planned->has_plan_of(*first);
  };
  if (first != nullptr && !first->is_observed() && runners.size() > 1 &&
      std::ranges::all_of(runners, fits))
    return first->run_lockstep(runners, states);
  for (size_t i = 0; i < runners.size(); ++i) ANEMONE_RETURN_IF_ERROR(runners[i]->run(states[i]));
  return {};
}

}  // namespace anemone::runtime
