#include "ane/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

namespace anemone::ane {
namespace {

/// The published constants, said once more: launch, change and output each 0.125 ms.
double cost_by_hand(const std::vector<OpChoice>& ops, const std::vector<size_t>& order,
                    unsigned engine_ops) {
  double cost = 0;
  bool on_engine = false;
  for (size_t i = 0; i < order.size(); ++i) {
    const OpChoice& op = ops[order[i]];
    const bool engine = (engine_ops >> order[i]) & 1u;
    if (engine && !op.engine_ms) return std::numeric_limits<double>::infinity();
    if (i > 0 && engine != on_engine) cost += 0.125;
    if (engine && (i == 0 || !on_engine)) cost += 0.125;
    cost += engine ? *op.engine_ms + 0.125 * static_cast<double>(op.outputs) : op.cpu_ms;
    on_engine = engine;
  }
  return cost;
}

std::vector<OpChoice> random_graph(std::mt19937& random, size_t size) {
  std::vector<OpChoice> ops(size);
  std::uniform_real_distribution<double> ms(0, 0.5);
  for (size_t op = 0; op < size; ++op) {
    ops[op].cpu_ms = ms(random);
    if (random() % 4 != 0) ops[op].engine_ms = ms(random) / 2;
    for (size_t operand = 0; operand < op; ++operand) {
      if (random() % 3 == 0) ops[op].operands.push_back(operand);
    }
    ops[op].outputs = random() % 5 == 0 || op + 1 == size ? 1 : 0;
  }
  return ops;
}

bool is_topological(const std::vector<OpChoice>& ops, const std::vector<size_t>& order) {
  std::vector<size_t> at(ops.size());
  for (size_t i = 0; i < order.size(); ++i) at[order[i]] = i;
  for (size_t op = 0; op < ops.size(); ++op) {
    for (const size_t operand : ops[op].operands) {
      if (at[operand] > at[op]) return false;
    }
  }
  return true;
}

size_t changes_of_kind(const std::vector<OpChoice>& ops, const std::vector<size_t>& order) {
  size_t changes = 0;
  for (size_t i = 1; i < order.size(); ++i) {
    changes += ops[order[i]].engine_ms.has_value() != ops[order[i - 1]].engine_ms.has_value();
  }
  return changes;
}

TEST(Placement, IsTheBestOfAllAssignments) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    const std::vector<OpChoice> ops = random_graph(random, 1 + random() % 10);
    const Placement placement = place(ops);
    double least = std::numeric_limits<double>::infinity();
    for (unsigned set = 0; set < 1u << ops.size(); ++set) {
      least = std::min(least, cost_by_hand(ops, placement.order, set));
    }
    unsigned chosen = 0;
    double work = 0;
    for (size_t op = 0; op < ops.size(); ++op) {
      const bool engine = placement.backends[op] == Backend::neural_engine;
      chosen |= engine ? 1u << op : 0u;
      work += engine ? ops[op].engine_ms.value() : ops[op].cpu_ms;
    }
    ASSERT_NEAR(placement.total_ms, least, 1e-9) << "round " << round;
    ASSERT_NEAR(cost_by_hand(ops, placement.order, chosen), least, 1e-9) << "round " << round;
    ASSERT_NEAR(placement.launch_ms + work, least, 1e-9) << "round " << round;
  }
}

TEST(Placement, NoOrderChangesLessOften) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const std::vector<OpChoice> ops = random_graph(random, 1 + random() % 6);
    const std::vector<size_t> order = order_for_segments(ops);
    ASSERT_EQ(order.size(), ops.size());
    ASSERT_TRUE(is_topological(ops, order));
    std::vector<size_t> tried(ops.size());
    std::iota(tried.begin(), tried.end(), 0U);
    size_t fewest = ops.size();
    do {
      if (is_topological(ops, tried)) fewest = std::min(fewest, changes_of_kind(ops, tried));
    } while (std::ranges::next_permutation(tried).found);
    ASSERT_EQ(changes_of_kind(ops, order), fewest) << "round " << round;
  }
}

/// A chain of ops, each 0.2 ms faster on the Neural Engine.
std::vector<OpChoice> chain(size_t size) {
  std::vector<OpChoice> ops(size, {.cpu_ms = 0.3, .engine_ms = 0.1});
  for (size_t op = 1; op < size; ++op) ops[op].operands = {op - 1};
  ops.back().outputs = 1;
  return ops;
}

TEST(Placement, AWholeGraphMustSaveAQuarterOfAMillisecond) {
  std::vector<OpChoice> one = chain(1);
  EXPECT_EQ(place(one).backends[0], Backend::cpu);  // 0.2 saved, 0.25 to pay
  one[0].cpu_ms = 0.36;
  const Placement placement = place(one);
  EXPECT_EQ(placement.backends[0], Backend::neural_engine);
  EXPECT_EQ(placement.segments, 1U);
  EXPECT_EQ(placement.changes, 0U);
  EXPECT_NEAR(placement.launch_ms, 0.25, 1e-12);
}

TEST(Placement, AnIslandMustSaveThreeEighths) {
  std::vector<OpChoice> ops = chain(3);
  ops[0].engine_ms.reset();
  ops[2].engine_ms.reset();
  ops[1].cpu_ms = 0.47;
  EXPECT_EQ(place(ops).segments, 0U);
  ops[1].cpu_ms = 0.48;
  EXPECT_EQ(place(ops).segments, 1U);
  EXPECT_EQ(place(ops).changes, 2U);
}

TEST(Placement, AnOpThatDoesNotRunThereCutsASegmentInTwo) {
  std::vector<OpChoice> ops = chain(9);
  EXPECT_EQ(place(ops).segments, 1U);
  ops[4].engine_ms.reset();
  const Placement placement = place(ops);
  EXPECT_EQ(placement.segments, 2U);
  EXPECT_EQ(placement.backends[4], Backend::cpu);
  EXPECT_NEAR(placement.total_ms, 8 * 0.1 + 0.3 + 2 * 0.125 + 2 * 0.125 + 0.125, 1e-12);
}

TEST(Placement, NothingIsPlacedInAnEmptyGraph) {
  EXPECT_EQ(place({}).segments, 0U);
  EXPECT_EQ(place({}).total_ms, 0);
}

}  // namespace
}  // namespace anemone::ane
