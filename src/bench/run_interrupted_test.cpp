#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "bench/quick_run.h"

namespace anemone::bench {
namespace {

TEST(RunInterrupted, StoppedBesideAMeasurementItKeepsTheMeasurement) {
  Options options = quick();
  options.contexts = {32, 48};
  options.quality = {"perplexity"};
  uint64_t last = 0;
  const ProgressSink stop = [&](const Progress& progress) {
    if (progress.stage != "bench") return true;
    const bool is_quality = progress.done == last;  // no further request
    last = progress.done;
    return !is_quality;
  };
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, stop, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_FALSE(report->complete);
  for (const Configuration& one : report->configurations) {
    EXPECT_EQ(one.outcome, Outcome::measured);
    ASSERT_TRUE(one.measurement);
    EXPECT_FALSE(one.measurement->quality);
    EXPECT_FALSE(one.measurement->quality_reason.empty());
  }
}

/// Stops a run after so many requests.
ProgressSink stop_after(uint64_t requests) {
  return [requests](const Progress& progress) { return progress.done < requests; };
}

TEST(RunInterrupted, TheRequestsThatAreDoneAreWritten) {
  Options options = quick();
  options.repetitions = 5;
  // Two loads with a first token each, one of warm-up, then three timed ones.
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, stop_after(6), kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_FALSE(report->complete);
  const Configuration& one = report->configurations[0];
  EXPECT_EQ(one.outcome, Outcome::interrupted);
  EXPECT_EQ(one.reason, "3 of 5 timed requests are done");
  ASSERT_TRUE(one.measurement);
  EXPECT_EQ(one.measurement->request_ns.summary->n, 3U);
  EXPECT_EQ(one.measurement->decode_tokens_per_second.samples.size(), 3U);
  EXPECT_EQ(one.measurement->step_ns.samples.size(), 9U);
  EXPECT_FALSE(one.measurement->first_token.cached_ns.summary);
  EXPECT_GT(one.measurement->memory.peak_rss_bytes.value_or(0), 0U);
  EXPECT_FALSE(report->best) << "it decides nothing";
  const auto document = nlohmann::json::parse(to_json(*report));
  EXPECT_EQ(document["complete"], false);
  EXPECT_EQ(document["configurations"][0]["status"], "interrupted");
  EXPECT_EQ(document["configurations"][0]["decode_tokens_per_second"]["summary"]["n"], 3);
  EXPECT_NE(to_markdown(*report).find(one.reason), std::string::npos);
  EXPECT_NE(to_csv(*report).find(",interrupted,3 of 5 timed requests are done,3,"),
            std::string::npos);
}

TEST(RunInterrupted, AmongCachedFirstTokensAllTimedRequestsAreKept) {
  Options options = quick();
  // One of cached warm-up and one cached first token after three timed ones.
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, stop_after(8), kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const Configuration& one = report->configurations[0];
  EXPECT_EQ(one.outcome, Outcome::interrupted);
  ASSERT_TRUE(one.measurement);
  EXPECT_EQ(one.measurement->request_ns.summary->n, 3U);
  EXPECT_EQ(one.measurement->first_token.cached_ns.summary->n, 1U);
  EXPECT_FALSE(one.measurement->stages);
}

TEST(RunInterrupted, ItsBaselineSaysThatItWasNotLookedAt) {
  Report report;
  report.options.baseline = "folder/base.json";
  EXPECT_EQ(nlohmann::json::parse(to_json(report))["baseline_reason"], nullptr);
  report.complete = false;
  const std::string words = "a run that was stopped is held against no baseline";
  EXPECT_EQ(nlohmann::json::parse(to_json(report))["baseline_reason"], words);
  EXPECT_NE(to_markdown(report).find("## Baseline base.json: n/a\n\n" + words), std::string::npos);
}

TEST(RunInterrupted, AConversionStopsWhereItIs) {
  Options options = quick();
  options.quantize = {"fp16", "lut4"};
  int asked = 0;
  const ProgressSink stop = [&](const Progress& progress) {
    EXPECT_EQ(progress.stage, "models");
    return ++asked < 3;
  };
  const auto report = run(kModels / "anemone-tiny", {}, options, stop, kQuiet);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::interrupted);
  EXPECT_EQ(asked, 3) << "the first conversion asks before it is done";
}

TEST(RunInterrupted, BeforeTheFirstTimedRequestThereIsNothing) {
  for (const uint64_t requests : {1U, 2U, 3U}) {
    const auto report =
        run(kModels / "anemone-tiny-anemll", {}, quick(), stop_after(requests), kQuiet);
    ASSERT_FALSE(report.ok()) << requests;
    EXPECT_EQ(report.error().code, ErrorCode::interrupted);
  }
}

TEST(RunInterrupted, InASecondVisitWhatTheFirstGaveIsKept) {
  Options options = quick();
  options.contexts = {32, 48, 64};
  options.repetitions = 4;
  bool visited_last = false;
  const ProgressSink stop = [&](const Progress& progress) {
    visited_last = visited_last || progress.item.find("context=64") != std::string_view::npos;
    return !visited_last || progress.item.find("context=48") == std::string_view::npos;
  };
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, stop, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_FALSE(report->complete);
  const auto& all = report->configurations;
  EXPECT_EQ(all[2].outcome, Outcome::measured);
  EXPECT_EQ(all[2].measurement->request_ns.summary->n, 4U);
  for (const size_t i : {0U, 1U}) {
    EXPECT_EQ(all[i].outcome, Outcome::interrupted);
    EXPECT_EQ(all[i].reason, "2 of 4 timed requests are done");
    ASSERT_TRUE(all[i].measurement);
    EXPECT_EQ(all[i].measurement->request_ns.summary->n, 2U);
  }
  EXPECT_EQ(report->best->id, all[2].id());
}

TEST(RunInterrupted, StoppedEarlyItKeepsWhatIsFinished) {
  Options options = quick();
  options.contexts = {32, 48};
  const ProgressSink stop = [](const Progress& progress) {
    return progress.item.find("context=48") == std::string_view::npos;
  };
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, stop, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_FALSE(report->complete);
  EXPECT_EQ(report->configurations[0].outcome, Outcome::interrupted);
  EXPECT_EQ(report->configurations[0].measurement->request_ns.summary->n, 2U);
  EXPECT_EQ(report->configurations[1].outcome, Outcome::not_reached);
  const ProgressSink never = [](const Progress&) { return false; };
  const auto nothing = run(kModels / "anemone-tiny-anemll", {}, options, never, kQuiet);
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code, ErrorCode::interrupted);
}

}  // namespace
}  // namespace anemone::bench
