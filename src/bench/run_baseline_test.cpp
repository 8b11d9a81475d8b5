#include <gtest/gtest.h>

#include "anemone/bench.h"
#include "bench/quick_run.h"
#include "support/scratch_folder.h"

namespace anemone::bench {
namespace {

TEST(RunBaseline, WhatSeemsSlowerThanItsBaselineIsVisitedAgain) {
  Options options = quick();
  options.contexts = {24, 32};
  options.repetitions = 2;
  options.stage_requests = 0;
  auto before = run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(before.ok()) << before.error().to_string();
  const auto speed_up = [](Configuration& one, double factor) {
    Measurement& own = *one.measurement;
    for (double& sample : own.decode_tokens_per_second.samples) sample *= factor;
    own.prefill_tokens_per_second = {};
    own.first_token = {};
    // With it nothing is told where the machine changed by much between the two runs.
    for (Visit& visit : own.visits) visit.reference_ns.reset();
  };
  speed_up(before->configurations[0], 1000);
  speed_up(before->configurations[1], 0.001);
  const test::ScratchFolder folder;
  folder.write("baseline.json", to_json(*before));
  options.baseline = folder.path() / "baseline.json";
  uint64_t done = 0;
  uint64_t total = 0;
  const ProgressSink note = [&](const Progress& progress) {
    done = progress.done;
    total = progress.total;
    return true;
  };
  const auto now = run(kModels / "anemone-tiny-anemll", {}, options, note, kQuiet);
  ASSERT_TRUE(now.ok()) << now.error().to_string();
  EXPECT_EQ(done, total);
  EXPECT_EQ(now->configurations[0].measurement->visits.size(), 2U + 8U) << "slower";
  EXPECT_EQ(now->configurations[1].measurement->visits.size(), 2U) << "faster";
  for (const Configuration& one : now->configurations) EXPECT_TRUE(one.is_measured());
  const auto verdict = judge(*now, options.baseline, options.baseline_threshold);
  ASSERT_TRUE(verdict.ok()) << verdict.error().to_string();
  EXPECT_STREQ(verdict->status(), "regressed");
}

}  // namespace
}  // namespace anemone::bench
