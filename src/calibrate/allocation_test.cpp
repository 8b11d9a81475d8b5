#include "calibrate/allocation.h"

#include <gtest/gtest.h>

#include <random>

namespace anemone::calibrate {
namespace {

struct Sum {
  uint64_t bytes = 0;
  double loss = 0;
};
Sum sum_of(const std::vector<std::vector<Option>>& weights, const std::vector<size_t>& chosen) {
  Sum sum;
  for (size_t i = 0; i < weights.size(); ++i) {
    sum.bytes += weights[i][chosen[i]].bytes;
    sum.loss += weights[i][chosen[i]].loss;
  }
  return sum;
}

TEST(Allocation, TakesWhatSavesTheMostAByte) {
  const std::vector<std::vector<Option>> weights = {{{10, 8}, {20, 2}, {40, 1}},
                                                    {{10, 3}, {20, 2}, {40, 0}}};
  EXPECT_EQ(allocate(weights, 19), std::vector<size_t>());
  EXPECT_EQ(allocate(weights, 20), (std::vector<size_t>{0, 0}));
  EXPECT_EQ(allocate(weights, 30), (std::vector<size_t>{1, 0}));
  EXPECT_EQ(allocate(weights, 60), (std::vector<size_t>{1, 2}));
  EXPECT_EQ(allocate(weights, 80), (std::vector<size_t>{2, 2}));
}

TEST(Allocation, PassesOverWhatIsNotWorthItsBytes) {
  // The second is dearer and worse than the first, the third lies above the line to the fourth.
  const std::vector<std::vector<Option>> weights = {{{10, 5}, {15, 6}, {20, 4.9}, {30, 1}}};
  EXPECT_EQ(allocate(weights, 29), std::vector<size_t>{0});
  EXPECT_EQ(allocate(weights, 30), std::vector<size_t>{3});
}

/// Against all choices there are: no choice of as few bytes as it takes loses less.
TEST(Allocation, IsBestForTheBytesThatItTakesWhereItEndsOnTheHull) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::vector<Option>> weights(4);
    for (auto& options : weights) {
      uint64_t bytes = 0;
      double loss = 100;
      for (int i = 0; i < 3; ++i) {
        options.push_back({bytes += 1 + random() % 20, loss});
        loss *= 0.1 + 0.8 * static_cast<double>(random() % 100) / 100;
      }
    }
    // A budget that ends right behind a step: greedy is then optimal.
    for (uint64_t budget = 40; budget < 200; ++budget) {
      const auto chosen = allocate(weights, budget);
      if (chosen.empty()) continue;
      const Sum mine = sum_of(weights, chosen);
      ASSERT_LE(mine.bytes, budget);
      const auto before = allocate(weights, mine.bytes);
      ASSERT_LE(sum_of(weights, before).loss, mine.loss + 1e-9);
    }
  }
}

}  // namespace
}  // namespace anemone::calibrate
