#include "bench/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/scripted.h"

namespace anemone::bench {
namespace {

using testing::ElementsAre;

constexpr int64_t kMs = 1'000'000;

/// Reads its weights once for all sequences: 4 ms a call and 1 ms for each of them.
class LockstepModel : public ScriptedModel {
 public:
  explicit LockstepModel(ScriptedClock& clock)
      : ScriptedModel(clock, [this](int64_t, int64_t) { return together_ ? kMs : 5 * kMs; }),
        clock_(clock) {}
  std::vector<size_t> calls;

  void extend_many(std::span<lm::Extension> extensions) override {
    calls.push_back(extensions.size());
    clock_.pass(4 * kMs);
    together_ = true;
    ScriptedModel::extend_many(extensions);
    together_ = false;
  }

 private:
  ScriptedClock& clock_;
  bool together_ = false;
};

TEST(Batches, S4_10_TokensOfAllSequencesOverTheTimeOfTheirSteps) {
  ScriptedClock clock;
  LockstepModel model(clock);
  const std::vector<int32_t> prompt(10, 7);
  const int64_t numbers[] = {1, 2, 6};
  int ticks = 0;
  const auto batches = measure_batches(
      model, clock, {.prompt = prompt, .steps = 3, .sequences = numbers, .repetitions = 2},
      [&] { return ++ticks > 0; });
  ASSERT_TRUE(batches) << batches.error().to_string();
  ASSERT_EQ(batches->size(), 3U);
  // One: 5 ms a step; two: 6 ms for 2 tokens; six: 10 ms for 6.
  EXPECT_THAT((*batches)[0].tokens_per_second, ElementsAre(200, 200));
  EXPECT_THAT((*batches)[1].tokens_per_second,
              ElementsAre(testing::DoubleNear(2e3 / 6, 1e-9), testing::DoubleNear(2e3 / 6, 1e-9)));
  EXPECT_THAT((*batches)[2].tokens_per_second, ElementsAre(600, 600));
  EXPECT_THAT((*batches)[2].step_ns, testing::Each(10.0 * kMs));
  EXPECT_EQ((*batches)[2].step_ns.size(), 6U);
  EXPECT_EQ(ticks, 6);
  EXPECT_THAT(model.calls, ElementsAre(1, 1, 1, 2, 2, 2, 6, 6, 6, 6, 6, 6, 2, 2, 2, 1, 1, 1));
}

TEST(Batches, EndsWhenToldTo) {
  ScriptedClock clock;
  LockstepModel model(clock);
  const std::vector<int32_t> prompt(4, 7);
  const int64_t numbers[] = {1, 2};
  const auto batches =
      measure_batches(model, clock, {.prompt = prompt, .sequences = numbers, .repetitions = 5},
                      [] { return false; });
  ASSERT_FALSE(batches);
  EXPECT_EQ(batches.error().code, ErrorCode::interrupted);
  EXPECT_EQ(model.calls.size(), 1U);
}

}  // namespace
}  // namespace anemone::bench
