#include "bench/baseline_test.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "statistics/generator.h"

namespace anemone::bench {
namespace {

/// Thirty speeds around `mean` as a busy machine gives them: noise of 2 %, a fall of 2 % over the
/// run, and now and then a request that took half as long again.
std::vector<double> noisy(double mean, uint64_t seed) {
  statistics::Generator generator(seed);
  const auto uniform = [&] { return static_cast<double>(generator.next() >> 11) * 0x1p-53; };
  std::vector<double> speeds;
  for (int i = 0; i < 30; ++i) {
    double speed = mean * (1 + 0.02 * (uniform() + uniform() + uniform() - 1.5) * 2);
    speed *= 1 - 0.02 * i / 30;
    if (uniform() < 0.07) speed /= 1.5;
    speeds.push_back(speed);
  }
  return speeds;
}

TEST_F(Baseline, S2_2_APlantedSlowdownIsCaughtAndNoiseIsNot) {
  for (uint64_t round = 0; round < 20; ++round) {
    const auto file = write(report_of({decoded_at(128, noisy(500, 2 * round))}));
    const auto same =
        judge(report_of({decoded_at(128, noisy(500, 2 * round + 1))}), file, kThreshold);
    ASSERT_TRUE(same.ok()) << same.error().to_string();
    EXPECT_FALSE(same->regressed()) << round;
    const auto slow =
        judge(report_of({decoded_at(128, noisy(500 / 1.2, 2 * round + 1))}), file, kThreshold);
    ASSERT_TRUE(slow.ok());
    EXPECT_TRUE(slow->regressed()) << round;
    EXPECT_EQ(decode(*slow).verdict, "slower");
    EXPECT_NEAR(decode(*slow).slowdown, 1.2, 0.06);
    const auto fast =
        judge(report_of({decoded_at(128, noisy(500 * 1.2, 2 * round + 1))}), file, kThreshold);
    ASSERT_TRUE(fast.ok());
    EXPECT_FALSE(fast->regressed()) << round;
    EXPECT_EQ(decode(*fast).verdict, "faster");
  }
}

TEST_F(Baseline, ALongerFirstTokenIsASlowdown) {
  const auto file = write(report_of({decoded_at(128, {100, 100, 100})}));
  Configuration now = decoded_at(128, {100, 100, 100});
  now.measurement->first_token.warm_ns = make_series({7e6, 7e6, 7e6}, {});
  const auto verdict = judge(report_of({now}), file, kThreshold);
  ASSERT_TRUE(verdict.ok());
  EXPECT_TRUE(verdict->regressed());
  for (const auto& one : verdict->compared)
    EXPECT_EQ(one.verdict, one.metric == "first_token_ns.warm" ? "slower" : "same") << one.metric;
}

TEST_F(Baseline, AsManySamplesAsARunWritesAreJudgedWithoutDrawingFromThem) {
  // A visit of 75,000 requests is one observation; drawing 10,000 times from all takes a minute.
  const Report now = report_of({decoded_at(128, {100, 101, 100, 101, 100, 101, 100, 101})});
  auto document = nlohmann::json::parse(to_json(now));
  auto& one = document["configurations"][0];
  one["decode_tokens_per_second"]["samples"] = std::vector<double>(300'000, 120);
  for (auto& visit : one["visits"]) visit["requests"] = 75'000;
  folder_.write("baseline.json", document.dump());
  const auto verdict = judge(now, folder_.path() / "baseline.json", kThreshold);
  ASSERT_TRUE(verdict.ok()) << verdict.error().to_string();
  EXPECT_EQ(decode(*verdict).verdict, "slower");
  EXPECT_NEAR(decode(*verdict).slowdown, 1.194, 0.001);
  EXPECT_FALSE(decode(*verdict).scatter);
  EXPECT_NE(to_json(with(now, *verdict)).find("\"slowdown_ci95\": null"), std::string::npos);
}

TEST_F(Baseline, TheScatterOfRequestsStandsBesideAVerdictAndDecidesNoVisit) {
  const auto file = write(report_of({decoded_at(128, noisy(500, 1))}));
  const Report now = report_of({decoded_at(128, noisy(400, 2))});
  const auto whole = judge(now, file, kThreshold);
  const auto during = judge_visits(now, file, kThreshold);
  ASSERT_TRUE(whole.ok() && during.ok());
  ASSERT_TRUE(decode(*whole).scatter);
  EXPECT_TRUE(decode(*whole).scatter->contains(decode(*whole).slowdown));
  EXPECT_FALSE(decode(*during).scatter);
  EXPECT_EQ(decode(*during).verdict, decode(*whole).verdict);
  EXPECT_EQ(decode(*during).adjusted->interval, decode(*whole).adjusted->interval);
}

TEST_F(Baseline, WhatCannotBeToldHasItsCause) {
  const auto slow = [](std::vector<double> speeds, double reference_ns) {
    Configuration one = decoded_at(128, std::move(speeds));
    one.measurement->first_token = {};
    for (Visit& visit : one.measurement->visits)
      visit.reference_ns = reference_ns > 0 ? std::optional(reference_ns) : std::nullopt;
    return report_of({one});
  };
  const std::vector<double> even(8, 100);
  const auto file = write(slow(even, 1000));
  const auto cause = [&](const Report& now, const std::filesystem::path& before) {
    const auto verdict = judge(now, before, kThreshold);
    EXPECT_TRUE(verdict.ok());
    EXPECT_TRUE(verdict->unclear());
    const auto doubt = decode(*verdict).doubt();
    EXPECT_TRUE(doubt && !doubt->hint.empty());
    return doubt ? doubt->cause : std::string();
  };
  EXPECT_EQ(cause(slow(even, 2000), file),
            "the machine is 2.00 times as slow as when the baseline was measured");
  EXPECT_EQ(cause(slow(even, 500), file),
            "the machine is 2.00 times as fast as when the baseline was measured");
  EXPECT_EQ(cause(slow(even, 0), file),
            "nothing says how fast the machine was: the time is 0.77 to 1.30 times the baseline's");
  const std::string scatter = cause(slow({60, 60, 140, 140, 60, 60, 140, 140}, 1000), file);
  EXPECT_EQ(
      scatter.find("by the scatter of visits, on a machine that is 1.00 times as slow, the time"),
      0U)
      << scatter;
  const auto alone = write(slow({100}, 1000));
  EXPECT_EQ(cause(slow({100}, 1000), alone).find("one visit of each run"), 0U);
  const auto same = judge(slow(even, 1000), write(slow(even, 1000)), kThreshold);
  ASSERT_TRUE(same.ok());
  EXPECT_FALSE(decode(*same).doubt());
}

TEST_F(Baseline, TheSlowdownThatIsShownIsTheMachinesTimesWhatIsLeft) {
  // By the requests this run is faster, by the visits slower: the last one was slow.
  Configuration before = decoded_at(128, {100, 100, 100, 100, 100, 100, 100, 100});
  Configuration now = decoded_at(128, {101, 101, 101, 101, 101, 101, 50, 50});
  for (Visit& visit : now.measurement->visits) visit.reference_ns = 1100;
  const Report report = report_of({now});
  const auto verdict = judge(report, write(report_of({before})), kThreshold);
  ASSERT_TRUE(verdict.ok());
  const BaselineVerdict::Compared& one = decode(*verdict);
  EXPECT_LT(one.slowdown, 1);
  EXPECT_NEAR(one.baseline_visits_mean, 100, 1e-9);
  EXPECT_NEAR(one.visits_mean, std::pow(101.0 * 101 * 101 * 50, 0.25), 1e-9);
  EXPECT_NEAR(one.visits_slowdown, one.baseline_visits_mean / one.visits_mean, 1e-12);
  EXPECT_NEAR(one.visits_slowdown, *one.machine * one.adjusted->value, 1e-12);
  const std::string table = to_markdown(with(report, *verdict));
  for (const double shown : {one.visits_slowdown, *one.machine, one.adjusted->value})
    EXPECT_NE(table.find(std::to_string(shown).substr(0, 4)), std::string::npos) << shown << table;
  EXPECT_NE(table.find("| 84.7 "), std::string::npos) << table;
  EXPECT_NE(table.find("geometric means of the visits' medians"), std::string::npos);
  const auto shown = nlohmann::json::parse(to_json(with(report, *verdict)))["baseline"]["compared"];
  EXPECT_EQ(shown[0]["visits_slowdown"], one.visits_slowdown);
  EXPECT_EQ(shown[0]["slowdown"], one.slowdown) << "a key never changes its meaning";
}

TEST_F(Baseline, WithSeveralThreadsItSaysThatProcessesDiffer) {
  Configuration one = decoded_at(128, {100, 100});
  const auto remarks = [&] {
    const Report report = report_of({one});
    const auto verdict = judge(report, write(report), kThreshold);
    EXPECT_TRUE(verdict.ok());
    const auto shown = nlohmann::json::parse(to_json(with(report, *verdict)));
    EXPECT_EQ(shown["baseline"]["remarks"].size(), verdict->remarks().size());
    return verdict->remarks();
  };
  ASSERT_EQ(remarks().size(), 1U);
  EXPECT_NE(remarks()[0].find("With 2 threads whole processes of one program differed by up to"),
            std::string::npos);
  one.threads = 1;
  EXPECT_TRUE(remarks().empty());
}

TEST_F(Baseline, DocumentAndTableSayWhatItsVerdictsMean) {
  const Report now = report_of({decoded_at(128, {100, 100})});
  const auto verdict = judge(now, write(now), 0.07);
  ASSERT_TRUE(verdict.ok());
  const Report judged = with(now, *verdict);
  const std::string rule = nlohmann::json::parse(to_json(judged))["baseline"]["rule"];
  EXPECT_NE(rule.find("lies above 7 %"), std::string::npos) << rule;
  EXPECT_NE(rule.find("lies below 22 %"), std::string::npos) << rule;
  EXPECT_NE(to_markdown(judged).find(rule), std::string::npos);
}

TEST_F(Baseline, ARunThatWasStoppedLosesNothingAndIsNotCompared) {
  const auto file = write(report_of({decoded_at(128, {100, 100}), decoded_at(256, {90, 90})}));
  for (const Outcome outcome :
       {Outcome::interrupted, Outcome::not_reached, Outcome::measured /* among further visits */}) {
    Report report = report_of({decoded_at(128, {50, 50}), decoded_at(256, {90, 90})});
    report.configurations[0].outcome = outcome;
    report.complete = false;
    const auto verdict = judge(report, file, kThreshold);
    ASSERT_FALSE(verdict.ok()) << verdict->status();
    EXPECT_EQ(verdict.error().code, ErrorCode::interrupted);
  }
}

TEST_F(Baseline, TheProcessorsSpeedExcusesNothingThatRunsOnOtherUnits) {
  const auto report = [](const std::string& units, double speed, double reference_ns) {
    Configuration one = decoded_at(128, std::vector<double>(8, speed));
    one.compute_units = units;
    one.measurement->first_token = {};
    for (Visit& visit : one.measurement->visits) visit.reference_ns = reference_ns;
    return report_of({one});
  };
  // 20 % slower beside a processor that is 1.3 times slower.
  const auto cpu = judge(report("cpu", 100, 1300), write(report("cpu", 120, 1000)), kThreshold);
  ASSERT_TRUE(cpu.ok()) << cpu.error().to_string();
  EXPECT_EQ(decode(*cpu).verdict, "same");
  const auto file = write(report("cpu-ane", 120, 1000));
  const auto slower = judge(report("cpu-ane", 100, 1300), file, kThreshold);
  ASSERT_TRUE(slower.ok()) << slower.error().to_string();
  EXPECT_EQ(decode(*slower).verdict, "unclear");
  EXPECT_FALSE(decode(*slower).machine);
  const auto much = judge(report("cpu-ane", 80, 1300), file, kThreshold);
  ASSERT_TRUE(much.ok());
  EXPECT_EQ(decode(*much).verdict, "slower");
}

}  // namespace
}  // namespace anemone::bench
