#include "runtime/lockstep.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/plan_runner.h"
#include "runtime/share_work.h"
#include "runtime/used_rows.h"

namespace anemone::runtime {
namespace {

// Lanes that are worth the reading of all weights once more by another thread.
constexpr size_t kLeastGroup = 4;

// A group this many times its share keeps other threads waiting: then all share each step.
constexpr double kMostUneven = 1.5;

// Weights of which every thread may read all by itself.
constexpr int64_t kMostOwnWeightBytes = int64_t{64} << 20;

PlanRunner& as_planned(Runner* runner) { return static_cast<PlanRunner&>(*runner); }

Status run_one_by_one(std::span<Runner* const> runners, std::span<State* const> states) {
  for (size_t i = 0; i < runners.size(); ++i) ANEMONE_RETURN_IF_ERROR(runners[i]->run(states[i]));
  return {};
}

}  // namespace

Lockstep::Lockstep(const Plan& plan) : plan_(plan) {
  int64_t weight_bytes = 0;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Way way = way_of(plan.steps[i]);
    if (way != Way::apart) {
      const Binding& binding = *plan.steps[i].binding;
      weight_bytes += binding.weight_bytes();
      lane_scratch_bytes_ = std::max(lane_scratch_bytes_, binding.lane_scratch_bytes().value_or(0));
    }
    const auto is_shown_before = [&](const Shown& one) { return one.steps == i; };
    if (way == Way::apart && !stretches_.empty() && stretches_.back().way == Way::apart &&
        std::ranges::none_of(plan.shown, is_shown_before))
      stretches_.back().end = i + 1;
    else
      stretches_.push_back({way, i, i + 1});
  }
  joins_weights_ = weight_bytes > 0;
  shares_steps_ = weight_bytes > kMostOwnWeightBytes;
  most_lanes_ =
      plan.arena_limit_bytes / std::max<uint64_t>(plan.lockstep.bytes + lane_scratch_bytes_, 1);
}

bool Lockstep::is_side_by_side(ValueId id) const {
  const PlanValue* value = &plan_.values[static_cast<size_t>(id)];
  if (value->place == Place::alias) value = &plan_.values[static_cast<size_t>(value->root)];
  return value->place == Place::arena || value->place == Place::input ||
         value->place == Place::constant;
}

Lockstep::Way Lockstep::way_of(const Step& step) const {
  if (step.binding == nullptr) return Way::apart;
  bool side_by_side = step.binding->joins_neighbours();
  for (const ValueId id : step.operands) side_by_side = side_by_side && is_side_by_side(id);
  for (size_t i = 0; i < step.output_count; ++i)
    side_by_side = side_by_side && is_side_by_side(step.first_output + static_cast<ValueId>(i));
  if (side_by_side) return Way::neighbours;
  return step.binding->lane_scratch_bytes() ? Way::lanes : Way::apart;
}

Lockstep::Division Lockstep::divide(std::span<State* const> states, int threads) const {
  const size_t lanes = states.size();
  const auto most = static_cast<size_t>(threads);
  if (shares_steps_ || lanes == 1 || !plan_.shown.empty()) return {};
  if (joins_weights_) {
    const size_t groups = std::min(lanes / kLeastGroup, most);
    if (groups < 2) return {};
    size_t largest = 0;
    for (size_t group = 0; group < groups; ++group)
      largest =
          std::max(largest, first_of(group + 1, groups, states) - first_of(group, groups, states));
    return static_cast<double>(largest * most) > kMostUneven * static_cast<double>(lanes)
               ? Division()
               : Division{lanes, groups};
  }
  return {lanes / most * most, lanes / most * most};
}

void Lockstep::make_room(std::span<Runner* const> runners) {
  const size_t lanes = std::max(runners.size(), lanes_.size());
  bool in_place = lanes == lanes_.size();
  for (size_t lane = 0; in_place && lane < runners.size(); ++lane)
    in_place = as_planned(runners[lane]).lies_in(arena_, lane);
  if (in_place) return;
  if (lanes > lanes_.size()) {
    scratch_ = Tensor::zeros(DType::uint8, {static_cast<int64_t>(lanes * lane_scratch_bytes_)});
    lanes_.resize(lanes);
    statuses_.resize(lanes);
  }
  // Runners of earlier runs, who may lie where these move to, keep the old arena to themselves.
  arena_ = Tensor::zeros(DType::uint8, {static_cast<int64_t>(lanes * plan_.lockstep.bytes)});
  for (size_t lane = 0; lane < runners.size(); ++lane)
    as_planned(runners[lane]).move_into(arena_, lanes, lane);
}

size_t Lockstep::first_of(size_t group, size_t groups, std::span<State* const> states) const {
  const size_t count = states.size();
  const auto begins = [&](size_t lane) {
    return plan_.states.empty() || lane == 0 || lane == count || states[lane] == nullptr ||
           states[lane] != states[lane - 1];
  };
  size_t before = count * group / groups;
  size_t behind = before;
  const size_t wanted = before;
  while (!begins(before)) --before;
  while (!begins(behind)) ++behind;
  return wanted - before < behind - wanted ? before : behind;
}

Status Lockstep::run(std::span<Runner* const> runners, std::span<State* const> states,
                     ThreadPool& pool) {
  const size_t lanes = runners.size();
  if (lanes > most_lanes_) return run_one_by_one(runners, states);
  make_room(runners);
  std::fill_n(statuses_.begin(), lanes, Status());
  const std::span<std::byte> scratch = scratch_.mutable_bytes();
  const size_t lane_bytes = lane_scratch_bytes_;
  const auto run_lanes = [&](size_t first, size_t last) {
    if (first == last) return;
    const size_t count = last - first;
    statuses_[first] = run_group(first, runners.subspan(first, count), states.subspan(first, count),
                                 scratch.subspan(first * lane_bytes, count * lane_bytes), pool);
  };
  const Division division = divide(states, pool.threads());
  const auto own = states.first(division.lanes);
  pool.parallel_for(static_cast<int64_t>(division.groups), 1, [&](int64_t begin, int64_t end) {
    for (auto group = static_cast<size_t>(begin); group < static_cast<size_t>(end); ++group)
      run_lanes(first_of(group, division.groups, own), first_of(group + 1, division.groups, own));
  });
  run_lanes(division.lanes, lanes);
  for (size_t lane = 0; lane < lanes; ++lane)
    if (!statuses_[lane].ok()) return std::exchange(statuses_[lane], Status());
  return {};
}

Status Lockstep::run_group(size_t first, std::span<Runner* const> runners,
                           std::span<State* const> states, std::span<std::byte> scratch,
                           ThreadPool& pool) {
  for (size_t lane = 0; lane < runners.size(); ++lane)
    ANEMONE_RETURN_IF_ERROR(as_planned(runners[lane]).bind_states(states[lane]));
  const auto lanes = std::span(lanes_).subspan(first, runners.size());
  for (const Stretch& stretch : stretches_) {
    ANEMONE_RETURN_IF_ERROR(as_planned(runners[0]).show_after(stretch.begin));
    if (stretch.way == Way::apart) {
      ANEMONE_RETURN_IF_ERROR(run_apart(first, runners, stretch.begin, stretch.end, pool));
      continue;
    }
    const Binding& binding = *plan_.steps[stretch.begin].binding;
    if (stretch.way == Way::neighbours) {
      const auto lane_of = [&](size_t lane) {
        return lane < runners.size() ? as_planned(runners[lane]).lane_of(stretch.begin) : Lane();
      };
      binding.run_neighbours({lane_of(0), lane_of(1), static_cast<int64_t>(runners.size())},
                             scratch, pool);
      continue;
    }
    for (size_t lane = 0; lane < runners.size(); ++lane)
      lanes[lane] = as_planned(runners[lane]).lane_of(stretch.begin);
    binding.run_lanes(lanes, scratch, pool);
  }
  return as_planned(runners[0]).show_after(plan_.steps.size());
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

void share_work(Runner& runner, size_t count, const std::function<void(size_t)>& body) {
  if (auto* planned = dynamic_cast<PlanRunner*>(&runner)) return planned->share_work(count, body);
  for (size_t i = 0; i < count; ++i) body(i);
}

Status run_lockstep(std::span<Runner* const> runners, std::span<State* const> states) {
  ANEMONE_CHECK(!runners.empty() && runners.size() == states.size(), "a state for every runner");
  auto* const first = dynamic_cast<PlanRunner*>(runners[0]);
  const auto fits = [&](Runner* runner) {
    const auto* planned = dynamic_cast<PlanRunner*>(runner);
    return planned != nullptr && planned->has_plan_of(*first);
  };
  const bool together = first != nullptr && !first->is_observed_alone() && runners.size() > 1 &&
                        std::ranges::all_of(runners, fits);
  Status status = together ? first->run_lockstep(runners, states) : run_one_by_one(runners, states);
  if (!status.ok())
    for (Runner* runner : runners) promise_used_rows(*runner, -1);
  return status;
}

}  // namespace anemone::runtime
