#include "eval/label_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace anemone::eval {
namespace {

using Pairs = std::vector<LabelPair>;

TEST(LabelStatistics, F1OfLabelOne) {
  EXPECT_EQ(f1_score(Pairs{{1, 1}, {1, 0}, {0, 1}, {0, 0}, {1, 1}}), 2.0 / 3.0);
  EXPECT_EQ(f1_score(Pairs{{0, 0}}), 0.0);
  EXPECT_TRUE(are_binary(Pairs{{0, 1}}));
  EXPECT_FALSE(are_binary(Pairs{{0, 1}, {2, 1}}));
  EXPECT_FALSE(are_binary(Pairs{}));
}

TEST(LabelStatistics, MatthewsOfTwoAndOfThreeLabels) {
  // (tp·tn − fp·fn) / sqrt((tp+fp)(tp+fn)(tn+fp)(tn+fn)) with 2, 1, 1, 1.
  EXPECT_DOUBLE_EQ(matthews_correlation(Pairs{{1, 1}, {1, 1}, {0, 0}, {0, 1}, {1, 0}}), 1.0 / 6.0);
  EXPECT_DOUBLE_EQ(matthews_correlation(Pairs{{0, 0}, {1, 1}, {2, 2}}), 1.0);
  // 4 documents: right sums 2,1,1; predicted 1,2,1; 2 hits: (2·4 − 5) / sqrt(10·10).
  EXPECT_DOUBLE_EQ(matthews_correlation(Pairs{{0, 0}, {0, 1}, {1, 1}, {2, 0}}),
                   (2.0 * 4 - 6) / std::sqrt((16.0 - 8) * (16.0 - 6)));
  EXPECT_EQ(matthews_correlation(Pairs{{1, 1}, {1, 0}}), 0.0);
}

}  // namespace
}  // namespace anemone::eval
