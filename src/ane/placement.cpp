#include "ane/placement.h"

#include <algorithm>
#include <array>
#include <limits>
#include <queue>

#include "ane/cost.h"
#include "base/check.h"

namespace anemone::ane {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr std::array kBackends = {Backend::cpu, Backend::neural_engine};

struct Order {
  std::vector<size_t> ops;
  size_t changes = 0;
};

/// All that can be done of one kind, then all that can be done of the other, and so on: for a given
/// first kind no order changes less often.
Order alternate(std::span<const OpChoice> ops, bool engine_first) {
  std::vector<size_t> waiting_for(ops.size());
  std::vector<std::vector<size_t>> users(ops.size());
  for (size_t op = 0; op < ops.size(); ++op) {
    waiting_for[op] = ops[op].operands.size();
    for (const size_t operand : ops[op].operands) {
      ANEMONE_CHECK(operand < op, "an operand comes after its op");
      users[operand].push_back(op);
    }
  }
  using Ready = std::priority_queue<size_t, std::vector<size_t>, std::greater<>>;
  std::array<Ready, 2> ready;
  const auto make_ready = [&](size_t op) { ready[ops[op].engine_ms ? 1 : 0].push(op); };
  for (size_t op = 0; op < ops.size(); ++op) {
    if (waiting_for[op] == 0) make_ready(op);
  }
  Order order;
  size_t kind = engine_first ? 1 : 0;
  while (order.ops.size() < ops.size()) {
    if (ready[kind].empty()) {
      kind = 1 - kind;
      if (!order.ops.empty()) ++order.changes;
      continue;
    }
    const size_t op = ready[kind].top();
    ready[kind].pop();
    order.ops.push_back(op);
    for (const size_t user : users[op]) {
      if (--waiting_for[user] == 0) make_ready(user);
    }
  }
  return order;
}

double cost_on(const OpChoice& op, Backend backend) {
  if (backend == Backend::cpu) return op.cpu_ms;
  if (!op.engine_ms) return kNever;
  return *op.engine_ms + static_cast<double>(op.outputs) * kResidentOutputMs;
}

double cost_of_step(std::optional<Backend> from, Backend to) {
  if (from == to) return 0;
  return (from ? kBackendChangeMs : 0) + (to == Backend::neural_engine ? kSegmentLaunchMs : 0);
}

void count(Placement& placement, std::span<const OpChoice> ops) {
  std::optional<Backend> before;
  for (const size_t op : placement.order) {
    const Backend backend = placement.backends[op];
    placement.launch_ms += cost_of_step(before, backend);
    if (backend == Backend::neural_engine) {
      placement.launch_ms += static_cast<double>(ops[op].outputs) * kResidentOutputMs;
      if (before != backend) ++placement.segments;
    }
    if (before && before != backend) ++placement.changes;
    before = backend;
  }
}

}  // namespace

std::vector<size_t> order_for_segments(std::span<const OpChoice> ops) {
  Order cpu_first = alternate(ops, false);
  Order engine_first = alternate(ops, true);
  return engine_first.changes < cpu_first.changes ? std::move(engine_first.ops)
                                                  : std::move(cpu_first.ops);
}

Placement place(std::span<const OpChoice> ops) {
  Placement placement{.order = order_for_segments(ops),
                      .backends = std::vector<Backend>(ops.size(), Backend::cpu)};
  if (ops.empty()) return placement;
  std::array<double, 2> least{};
  std::vector<std::array<Backend, 2>> came_from(ops.size());
  for (size_t step = 0; step < ops.size(); ++step) {
    const OpChoice& op = ops[placement.order[step]];
    std::array<double, 2> next{};
    for (const Backend to : kBackends) {
      const auto index = static_cast<size_t>(to);
      next[index] = kNever;
      for (const Backend from : kBackends) {
        const double path = step == 0 ? cost_of_step({}, to)
                                      : least[static_cast<size_t>(from)] + cost_of_step(from, to);
        const double cost = path + cost_on(op, to);
        if (cost > next[index]) continue;  // a tie goes to the Neural Engine, which comes last
        next[index] = cost;
        came_from[step][index] = from;
      }
    }
    least = next;
  }
  Backend backend = least[1] <= least[0] ? Backend::neural_engine : Backend::cpu;
  placement.total_ms = least[static_cast<size_t>(backend)];
  for (size_t step = ops.size(); step-- > 0;) {
    placement.backends[placement.order[step]] = backend;
    backend = came_from[step][static_cast<size_t>(backend)];
  }
  count(placement, ops);
  return placement;
}

}  // namespace anemone::ane
