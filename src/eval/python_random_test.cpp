#include "eval/python_random.h"

#include <gmock/gmock.h>

namespace anemone::eval::python {
namespace {

using ::testing::ElementsAre;

// Expected values were printed by CPython 3.11.

TEST(PythonRandom, SeedsAsInitByArray) {
  Random random(1234);
  EXPECT_EQ(random.next32(), 4150886329u);
  EXPECT_EQ(random.next32(), 3342196574u);
  EXPECT_EQ(random.next32(), 1892932127u);
  EXPECT_EQ(random.next32(), 501869158u);
}

TEST(PythonRandom, SeedsOfTwoWords) {
  Random random((uint64_t{1} << 40) + 5);
  EXPECT_EQ(random.next32(), 2166296868u);
}

TEST(PythonRandom, SamplesFromLargePopulationsByRejection) {
  Random random(1234);
  EXPECT_THAT(random.sample(7473, 5), ElementsAre(6374, 3610, 957, 61, 742));
  EXPECT_THAT(random.sample(7473, 5), ElementsAre(7462, 6610, 4769, 286, 5501));
  EXPECT_THAT(random.sample(7473, 5), ElementsAre(5677, 687, 806, 6279, 2905));
}

TEST(PythonRandom, SamplesFromSmallPopulationsByPool) {
  Random random(1234);
  EXPECT_THAT(random.sample(16, 4), ElementsAre(14, 1, 0, 15));
  EXPECT_THAT(random.sample(30, 8), ElementsAre(29, 25, 18, 1, 21, 22, 2, 3));
  EXPECT_THAT(random.sample(300, 8), ElementsAre(181, 121, 8, 15, 177, 247, 237, 76));
}

TEST(PythonRandom, ChoicesAndRandom) {
  Random random(7);
  std::vector<size_t> indices;
  random.choices(10, 8, indices);
  EXPECT_THAT(indices, ElementsAre(3, 1, 6, 0, 5, 3, 0, 5));
  EXPECT_EQ(random.random(), 0.03749565844198488);
}

}  // namespace
}  // namespace anemone::eval::python
