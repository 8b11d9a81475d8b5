#include "runtime/plan_cache.h"

#include <gtest/gtest.h>

#include "runtime/weights.h"

namespace anemone::runtime {
namespace {

TEST(PlanCache, KeepsTheLastUsedOnesOnly) {
  PlanCache cache;
  std::vector<std::weak_ptr<const Plan>> plans;
  for (size_t i = 0; i < PlanCache::kMostPlans; ++i) {
    const auto plan = std::make_shared<const Plan>();
    plans.push_back(plan);
    cache.keep(std::to_string(i), plan);
  }
  const auto in_use = cache.find("1");
  EXPECT_EQ(in_use, plans[1].lock());
  EXPECT_NE(cache.find("0"), nullptr);
  cache.keep("more", std::make_shared<const Plan>());
  EXPECT_EQ(cache.find("2"), nullptr) << "the one that nobody used for longest";
  EXPECT_TRUE(plans[2].expired());
  EXPECT_NE(cache.find("0"), nullptr);
  for (size_t i = 0; i < PlanCache::kMostPlans; ++i)
    cache.keep("new " + std::to_string(i), std::make_shared<const Plan>());
  EXPECT_EQ(cache.find("1"), nullptr);
  EXPECT_FALSE(plans[1].expired()) << "in use";
  EXPECT_TRUE(plans[0].expired());
}

/// Every plan of other shapes may fold constants of its own: their packed forms go with it.
TEST(Weights, LetsGoOfWhatNoPlanUses) {
  Weights weights;
  auto constant =
      std::make_shared<const Constant>(Constant{.type = mil::ValueType::of(DType::fp32, {2, 2}),
                                                .tensor = Tensor::zeros(DType::fp32, {2, 2})});
  const WeightView view{.columns = 2, .depth = 2};
  auto first = weights.pack(constant, view);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*weights.pack(constant, view), *first) << "shared while it is in use";
  const std::weak_ptr<const Constant> watched = constant;
  constant.reset();
  first = std::shared_ptr<const PackedWeight>();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace anemone::runtime
