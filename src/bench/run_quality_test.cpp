#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "anemone/bench.h"
#include "bench/quick_run.h"

namespace anemone::bench {
namespace {

TEST(Run, QualityThatFailsLeavesItsReasonAndTheMeasurement) {
  Options options = quick();
  options.stage_requests = 0;
  options.quality = {"perplexity"};
  options.perplexity_text = "\xff";  // no text
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_TRUE(report->complete);
  const Configuration& one = report->configurations[0];
  ASSERT_TRUE(one.is_measured()) << one.reason;
  EXPECT_FALSE(one.measurement->quality);
  EXPECT_NE(one.measurement->quality_reason.find("not UTF-8"), std::string::npos)
      << one.measurement->quality_reason;
  EXPECT_NE(to_json(*report).find("\"quality_reason\": \""), std::string::npos);
}

TEST(Run, QualityComesAfterAllMeasurements) {
  Options options = quick();
  options.contexts = {32, 48};
  options.quality = {"perplexity"};
  std::vector<std::string> items;
  int after_all = 0;
  const ProgressSink note = [&](const Progress& progress) {
    if (progress.stage != "bench") return true;
    if (progress.done == progress.total && items.back() == progress.item) ++after_all;
    if (items.empty() || items.back() != progress.item) items.emplace_back(progress.item);
    return true;
  };
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, note, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  // Two visits of each, and the quality of the first: the second one is of the same packages.
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[2], items[0]);
  EXPECT_GT(after_all, 0);
  for (const Configuration& one : report->configurations) {
    ASSERT_TRUE(one.measurement && one.measurement->quality) << one.reason;
    EXPECT_EQ(one.measurement->quality->perplexity->token,
              report->configurations[0].measurement->quality->perplexity->token);
  }
}

TEST(Run, S2_32_SchemesStandBesideEachOtherWithSpeedSizeAndLoss) {
  Options options = quick();
  options.stage_requests = 0;
  options.quality = {"perplexity"};
  options.quantize = {"fp16", "lut4"};
  const auto report = run(kModels / "anemone-tiny", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->configurations.size(), 2U);
  const Configuration& fp16 = report->configurations[0];
  const Configuration& lut4 = report->configurations[1];
  ASSERT_TRUE(fp16.measurement && lut4.measurement) << fp16.reason << lut4.reason;
  EXPECT_TRUE(lut4.artifact->converted);
  EXPECT_LT(lut4.artifact->weight_bytes, fp16.artifact->weight_bytes * 6 / 10);
  EXPECT_NE(lut4.artifact->hash, fp16.artifact->hash);
  EXPECT_GT(lut4.measurement->quality->perplexity->token,
            fp16.measurement->quality->perplexity->token);
  const auto document = nlohmann::json::parse(to_json(*report));
  EXPECT_EQ(document["settings"]["schemes"], options.quantize);
  EXPECT_EQ(document["configurations"][1]["quantize"], "lut4");
  EXPECT_TRUE(lut4.id().ends_with(" quantize=lut4")) << lut4.id();
  options.quantize = {"lut4"};
  options.prefill = {};
  const auto package = run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, kQuiet);
  ASSERT_FALSE(package.ok());
  EXPECT_EQ(package.error().code, ErrorCode::invalid_argument);
}

TEST(Run, QualityOfAContextThatIsTooShortSaysWhatDidNotFit) {
  Options options = quick();
  options.contexts = {32, 80};
  options.repetitions = 1;
  options.stage_requests = 0;
  options.quality = {"typos"};
  std::string logged;
  const LogSink log = [&](LogLevel, std::string_view words) {
    logged += std::string(words) + "\n";
  };
  const auto report = run(kModels / "anemone-tiny", {}, options, kGoOn, log);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const Measurement& none = *report->configurations[0].measurement;
  EXPECT_EQ(none.quality->typos->n, 0);
  EXPECT_TRUE(none.quality_reason.starts_with("typo_correction: ")) << none.quality_reason;
  EXPECT_NE(none.quality_reason.find(" documents have no score: "), std::string::npos);
  EXPECT_NE(logged.find(report->configurations[0].id() + ": " + none.quality_reason),
            std::string::npos)
      << logged;
  const Measurement& cut = *report->configurations[1].measurement;
  EXPECT_GT(cut.quality->typos->n, 0);
  const uint64_t requests = cut.quality->truncated_requests.at("typo_correction");
  EXPECT_EQ(requests, static_cast<uint64_t>(cut.quality->typos->n)) << "none of them fits";
  const std::string words = "typo_correction: " + std::to_string(requests) +
                            " requests did not fit the context and lost the beginning";
  EXPECT_NE(logged.find(report->configurations[1].id() + ": " + words), std::string::npos)
      << logged;
  EXPECT_NE(to_markdown(*report).find(words), std::string::npos);
  const auto document = nlohmann::json::parse(to_json(*report));
  EXPECT_EQ(document["settings"]["quality"], options.quality);
  EXPECT_EQ(document["configurations"][1]["quality"]["truncated_requests"]["typo_correction"],
            requests);
}

TEST(Run, S2_32_SpeedStandsBesideTheAccuracyOfCorrections) {
  Options options = quick();
  options.stage_requests = 0;
  options.quality = {"typos"};
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_TRUE(report->configurations[0].measurement) << report->configurations[0].reason;
  const auto& quality = report->configurations[0].measurement->quality;
  ASSERT_TRUE(quality && quality->typos);
  EXPECT_GT(quality->typos->exact.value(), 0);
  EXPECT_GT(quality->typos->wer.value(), 0);
  EXPECT_LT(quality->typos->wer.value(), 1);
  EXPECT_GT(quality->typos->f05.value(), 0);
  EXPECT_EQ(quality->tasks.at("published_typos").size(), 12U);
  EXPECT_NE(to_markdown(*report).find("## Quality"), std::string::npos);
}

TEST(Run, WhatATaskTellsOfItsDocumentsIsToldOnce) {
  Options options = quick();
  options.contexts = {24, 32};  // of a checkpoint: two models
  options.repetitions = 1;
  options.stage_requests = 0;
  options.quality = {"typos"};
  std::vector<std::string> told;
  const LogSink keep = [&](LogLevel level, std::string_view words) {
    if (level == LogLevel::info) told.emplace_back(words);
  };
  const auto report = run(kModels / "anemone-tiny", {}, options, kGoOn, keep);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(std::ranges::count_if(
                told, [](const auto& words) { return words.starts_with("typo_correction: "); }),
            1);
  EXPECT_EQ(std::set(told.begin(), told.end()).size(), told.size());
}

}  // namespace
}  // namespace anemone::bench
