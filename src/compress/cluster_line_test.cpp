#include "compress/cluster_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace anemone::compress {
namespace {

double cost_of(const WeightedLine& line, const std::vector<double>& means) {
  double cost = 0;
  for (size_t i = 0; i < line.values.size(); ++i) {
    double nearest = std::numeric_limits<double>::infinity();
    for (const double mean : means)
      nearest = std::min(nearest, (line.values[i] - mean) * (line.values[i] - mean));
    cost += line.weights[i] * nearest;
  }
  return cost;
}

/// The least cost by all divisions into 0, 1 … `most` clusters, in cubic time.
std::vector<double> least_costs(const WeightedLine& line, int64_t most) {
  const size_t size = line.values.size();
  std::vector<double> before(size + 1, std::numeric_limits<double>::infinity());
  before[0] = 0;
  std::vector<double> costs{before[size]};
  for (int64_t cluster = 0; cluster < most; ++cluster) {
    std::vector<double> now(size + 1, std::numeric_limits<double>::infinity());
    for (size_t end = 1; end <= size; ++end) {
      double weight = 0;
      double sum = 0;
      double squares = 0;
      for (size_t begin = end; begin-- > 0;) {
        weight += line.weights[begin];
        sum += line.weights[begin] * line.values[begin];
        squares += line.weights[begin] * line.values[begin] * line.values[begin];
        now[end] = std::min(now[end], before[begin] + squares - sum * sum / weight);
      }
    }
    before = now;
    costs.push_back(before[size]);
  }
  return costs;
}

double least_cost(const WeightedLine& line, int64_t count) {
  return least_costs(line, count).back();
}

WeightedLine random_line(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0.3, 1);
  WeightedLine line;
  for (size_t i = 0; i < size; ++i) line.values.push_back(normal(random));
  std::ranges::sort(line.values);
  for (size_t i = 0; i < size; ++i) line.weights.push_back(static_cast<double>(1 + random() % 7));
  return line;
}

TEST(ClusterLine, FindsTheLeastCostThatThereIs) {
  for (const size_t size : {1u, 2u, 3u, 17u, 60u, 123u})
    for (const int64_t count : {1, 2, 3, 4, 8, 16}) {
      const WeightedLine line = random_line(size, static_cast<uint32_t>(size));
      const auto means = cluster_line(line, count);
      EXPECT_TRUE(std::ranges::is_sorted(means));
      EXPECT_EQ(means.size(), std::min(size, static_cast<size_t>(count)));
      EXPECT_NEAR(cost_of(line, means),
                  least_cost(line, std::min(count, static_cast<int64_t>(size))), 1e-9)
          << size << " " << count;
    }
}

/// Long enough that blocks of values bound where clusters begin.
TEST(ClusterLine, FindsTheLeastCostOfManyValues) {
  for (const size_t size : {700u, 2100u}) {
    const WeightedLine line = random_line(size, static_cast<uint32_t>(size));
    for (const int64_t count : {2, 5, 16, 64}) {
      const double least = least_cost(line, count);
      EXPECT_NEAR(cost_of(line, cluster_line(line, count)), least, 1e-9 * least) << size << count;
    }
  }
  WeightedLine uneven = random_line(1500, 3);
  for (size_t i = 0; i < 1500; i += 3) uneven.weights[i] = i % 2 == 0 ? 20000 : 0.001;
  for (size_t i = 1400; i < 1500; ++i) uneven.values[i] += 100 + static_cast<double>(i);
  for (const int64_t count : {2, 16, 40}) {
    const double least = least_cost(uneven, count);
    EXPECT_NEAR(cost_of(uneven, cluster_line(uneven, count)), least, 1e-7 * least) << count;
  }
}

/// Far values, lumps and holes: bounds of blocks must hold where clusters differ most in size.
TEST(ClusterLine, FindsTheLeastCostOfUnevenValues) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    WeightedLine line = random_line(900, seed);
    std::mt19937 random(seed);
    for (size_t i = 0; i < line.values.size(); ++i) {
      double& value = line.values[i];
      if (seed == 1) value = value * value * value * value * value;
      if (seed == 2) value = 0.001 * value + static_cast<double>(10 * (random() % 3));
      if (seed == 3 && random() % 100 == 0) value *= 1000;
    }
    std::ranges::sort(line.values);
    line.values.erase(std::ranges::unique(line.values).begin(), line.values.end());
    line.weights.resize(line.values.size());
    for (const int64_t count : {2, 3, 8, 16, 50}) {
      const double least = least_cost(line, count);
      EXPECT_NEAR(cost_of(line, cluster_line(line, count)), least, 1e-9 * least + 1e-8)
          << seed << " " << count;
    }
  }
}

/// As many clusters as 8 bits name, of few values each: prices of clusters bound ranges. Values at
/// equal distances have many best divisions, and no price may have the wanted number of clusters.
TEST(ClusterLine, FindsTheLeastCostOfManyClusters) {
  constexpr size_t kSize = 280;
  WeightedLine even;
  for (size_t i = 0; i < kSize; ++i) even.values.push_back(0.25 * static_cast<double>(i));
  even.weights.assign(kSize, 1);
  WeightedLine lumps = even;
  for (size_t i = 0; i < kSize; ++i) lumps.values[i] += static_cast<double>(100 * (i / 7));
  WeightedLine heavy = random_line(kSize, 5);
  for (size_t i = 0; i < kSize; i += 2) heavy.weights[i] = 1e6;
  for (const WeightedLine& line : {even, lumps, heavy, random_line(kSize, 7)}) {
    const std::vector<double> least = least_costs(line, kSize - 1);
    for (const int64_t count : {3, 4, 30, 40, 41, 64, 93, 94, 128, 139, 140, 141, 200, 256, 279})
      EXPECT_NEAR(cost_of(line, cluster_line(line, count)), least[static_cast<size_t>(count)],
                  1e-7 * least[static_cast<size_t>(count)] + 1e-5)
          << line.values[1] << " " << count;
  }
}

TEST(ClusterLine, ReturnsFewValuesAsTheyAre) {
  const WeightedLine line{{-1, 0, 4}, {3, 1, 1}};
  EXPECT_EQ(cluster_line(line, 3), line.values);
  EXPECT_EQ(cluster_line(line, 16), line.values);
  EXPECT_EQ(cluster_line(line, 2), (std::vector<double>{-0.75, 4}));
}

}  // namespace
}  // namespace anemone::compress
