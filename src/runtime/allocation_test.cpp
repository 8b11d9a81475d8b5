#include <gtest/gtest.h>

#include "runtime/anemll_model.h"
#include "support/count_allocations.h"

namespace anemone::runtime {
namespace {

using test::allocations;

int64_t count_allocations(Runner& runner, State* state) {
  EXPECT_TRUE(runner.run(state).ok());
  const int64_t before = allocations;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(runner.run(state).ok());
  return allocations - before;
}

TEST(Allocation, IsCounted) {
  const int64_t before = allocations;
  const auto number = std::make_unique<int>(3);
  EXPECT_EQ(allocations - before, 1) << *number;
}

TEST(Allocation, SteadyRunsMakeNone) {
  const std::filesystem::path path =
      std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";
  for (const Numerics numerics : {Numerics::fp16, Numerics::fp32})
    for (const int threads : {1, 3}) {
      auto model = AnemllModel::load(path, {.numerics = numerics, .threads = threads});
      ASSERT_TRUE(model.ok()) << model.error().to_string();
      ASSERT_TRUE(model->step(5, 0).ok());
      EXPECT_EQ(count_allocations(model->infer(0), &model->state()), 0);
      EXPECT_EQ(count_allocations(model->embed(), nullptr), 0);
      EXPECT_EQ(count_allocations(model->head(), nullptr), 0);
      auto prefill = model->chunk(0).prepare("prefill", {});
      ASSERT_TRUE(prefill.ok()) << prefill.error().to_string();
      AnemllModel::fill_mask(*(*prefill)->input("causal_mask"), 0);
      EXPECT_EQ(count_allocations(**prefill, &model->state()), 0);
    }
}

TEST(Allocation, SteadyRunsInLockstepMakeNone) {
  const std::filesystem::path path =
      std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";
  for (const int threads : {1, 3}) {
    auto model = AnemllModel::load(path, {.threads = threads});
    ASSERT_TRUE(model.ok()) << model.error().to_string();
    std::vector<std::unique_ptr<Runner>> owned;
    std::vector<Runner*> runners;
    std::vector<State> states;
    for (int lane = 0; lane < 4; ++lane) {
      auto runner = model->chunk(0).prepare("infer", {});
      ASSERT_TRUE(runner.ok()) << runner.error().to_string();
      AnemllModel::fill_mask(*(*runner)->input("causal_mask"), 0);
      owned.push_back(*std::move(runner));
      runners.push_back(owned.back().get());
      states.push_back(model->chunk(0).new_state());
    }
    std::vector<State*> pointers;
    for (State& state : states) pointers.push_back(&state);
    ASSERT_TRUE(run_lockstep(runners, pointers).ok());
    const int64_t before = allocations;
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(run_lockstep(runners, pointers).ok());
    EXPECT_EQ(allocations - before, 0) << threads;
  }
}

}  // namespace
}  // namespace anemone::runtime
