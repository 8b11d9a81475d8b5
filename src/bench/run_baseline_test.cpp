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

/// A document of a run, and what later runs say to it before their first request.
class FittingBaseline : public testing::Test {
 protected:
  static Options one_context(int64_t context) {
    Options options = quick();
    options.contexts = {context};
    options.repetitions = 1;
    options.loads = 0;
    options.stage_requests = 0;
    return options;
  }
  void write(const Report& report) {
    folder_.write("baseline.json", to_json(report));
    baseline_ = folder_.path() / "baseline.json";
  }
  Result<Report> run_against(const std::filesystem::path& model, Options options) {
    options.baseline = baseline_;
    requests_ = 0;
    logged_.clear();
    const ProgressSink count = [&](const Progress& progress) {
      requests_ += progress.stage == "bench" ? 1 : 0;
      return true;
    };
    const LogSink log = [&](LogLevel, std::string_view words) { logged_ += words; };
    return run(model, {}, options, count, log);
  }
  void expect_refused(const Options& options, const std::string& words) {
    const auto report = run_against(kModels / "anemone-tiny-anemll", options);
    ASSERT_FALSE(report.ok()) << words;
    EXPECT_EQ(report.error().code, ErrorCode::invalid_argument) << "the exit code is no verdict's";
    EXPECT_NE(report.error().to_string().find(words), std::string::npos)
        << report.error().to_string();
    EXPECT_EQ(requests_, 0) << words;
  }
  test::ScratchFolder folder_;
  std::filesystem::path baseline_;
  std::string logged_;
  int requests_ = 0;
};

TEST_F(FittingBaseline, WhatIsOfAnotherModelIsRefusedBeforeTheFirstRequest) {
  const auto before = run(kModels / "anemone-tiny-anemll", {}, one_context(32), kGoOn, kQuiet);
  ASSERT_TRUE(before.ok()) << before.error().to_string();
  write(*before);
  expect_refused(one_context(24), "it has no configuration of this sweep");
  Options options = one_context(32);
  options.numerics = "fp32";
  expect_refused(options, "the numerics 'fp16', this one 'fp32'");
  Report other = *before;
  other.configurations[0].artifact->weight_bytes *= 2;
  other.configurations[0].artifact->hash = "blake3:0";
  write(other);
  expect_refused(one_context(32), "so another model or compression");
  other.configurations[0].artifact->weight_bytes /= 2;
  write(other);
  const auto converted_anew = run_against(kModels / "anemone-tiny-anemll", one_context(32));
  ASSERT_TRUE(converted_anew.ok()) << converted_anew.error().to_string();
  EXPECT_NE(logged_.find("was measured on other packages (context=32"), std::string::npos)
      << logged_;
}

TEST_F(FittingBaseline, ACopyOfTheModelInAnotherFolderIsTheSameModel) {
  const auto before = run(kModels / "anemone-tiny", {}, one_context(32), kGoOn, kQuiet);
  ASSERT_TRUE(before.ok()) << before.error().to_string();
  write(*before);
  const std::filesystem::path copy = folder_.path() / "renamed";
  std::filesystem::copy(kModels / "anemone-tiny", copy, std::filesystem::copy_options::recursive);
  const auto now = run_against(copy, one_context(32));
  ASSERT_TRUE(now.ok()) << now.error().to_string();
  EXPECT_NE(now->model.name, before->model.name);
  EXPECT_EQ(logged_, "");
  const auto verdict = judge(*now, baseline_, 0.05);
  ASSERT_TRUE(verdict.ok()) << verdict.error().to_string();
  EXPECT_FALSE(verdict->compared.empty());
  EXPECT_TRUE(verdict->other_artifacts.empty());
}

}  // namespace
}  // namespace anemone::bench
