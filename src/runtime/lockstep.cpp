#include "runtime/lockstep.h"

#include <algorithm>

#include "base/check.h"
#include "runtime/plan_runner.h"

namespace anemone::runtime {
namespace {

PlanRunner& as_planned(Runner* runner) { return static_cast<PlanRunner&>(*runner); }

}  // namespace

Lockstep::Lockstep(const Plan& plan) : plan_(plan) {
  for (size_t i = 0; i < plan.steps.size(); ++i)
    if (plan.steps[i].binding && plan.steps[i].binding->lanes_scratch_bytes(1))
      joined_.push_back(i);
}

void Lockstep::make_room(size_t lanes) {
  if (lanes <= lanes_.size()) return;
  size_t bytes = 0;
  for (const size_t step : joined_)
    bytes = std::max(bytes, *plan_.steps[step].binding->lanes_scratch_bytes(lanes));
  scratch_ = Tensor::zeros(DType::uint8, {static_cast<int64_t>(bytes)});
  lanes_.resize(lanes);
  statuses_.resize(lanes);
}

Status Lockstep::run(std::span<Runner* const> runners, std::span<State* const> states,
                     ThreadPool& pool) {
  make_room(runners.size());
  for (size_t lane = 0; lane < runners.size(); ++lane)
    ANEMONE_RETURN_IF_ERROR(as_planned(runners[lane]).bind_states(states[lane]));
  size_t next = 0;
  for (const size_t joined : joined_) {
    ANEMONE_RETURN_IF_ERROR(run_apart(runners, next, joined, pool));
    for (size_t lane = 0; lane < runners.size(); ++lane)
      lanes_[lane] = as_planned(runners[lane]).lane_of(joined);
    plan_.steps[joined].binding->run_lanes(std::span(lanes_).first(runners.size()),
                                           scratch_.mutable_bytes(), pool);
    next = joined + 1;
  }
  return run_apart(runners, next, plan_.steps.size(), pool);
}

Status Lockstep::run_apart(std::span<Runner* const> runners, size_t first, size_t last,
                           ThreadPool& pool) {
  if (first == last) return {};
  pool.parallel_for(static_cast<int64_t>(runners.size()), 1, [&](int64_t begin, int64_t end) {
    for (auto lane = static_cast<size_t>(begin); lane < static_cast<size_t>(end); ++lane)
      statuses_[lane] = as_planned(runners[lane]).run_steps(first, last);
  });
  for (size_t lane = 0; lane < runners.size(); ++lane)
    if (!statuses_[lane].ok()) return std::move(statuses_[lane]);
  return {};
}

Status run_lockstep(std::span<Runner* const> runners, std::span<State* const> states) {
  ANEMONE_CHECK(!runners.empty() && runners.size() == states.size(), "a state for every runner");
  auto* const first = dynamic_cast<PlanRunner*>(runners[0]);
  const auto fits = [&](Runner* runner) {
    const auto* planned = dynamic_cast<PlanRunner*>(runner);
    return planned != nullptr && planned->has_plan_of(*first);
  };
  if (first != nullptr && runners.size() > 1 && std::ranges::all_of(runners, fits))
    return first->run_lockstep(runners, states);
  for (size_t i = 0; i < runners.size(); ++i) ANEMONE_RETURN_IF_ERROR(runners[i]->run(states[i]));
  return {};
}

}  // namespace anemone::runtime
