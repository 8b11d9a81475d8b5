#include "bench/baseline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/machine.h"
#include "bench/report_of.h"
#include "runtime/coreml.h"
#include "statistics/generator.h"
#include "support/scratch_folder.h"

namespace anemone::bench {
namespace {

constexpr double kThreshold = 0.05;

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

class Baseline : public testing::Test {
 protected:
  std::filesystem::path write(const Report& report) const {
    folder_.write("baseline.json", to_json(report));
    return folder_.path() / "baseline.json";
  }
  static Report with(Report report, const BaselineVerdict& verdict) {
    report.baseline = verdict;
    return report;
  }
  static const BaselineVerdict::Compared& decode(const BaselineVerdict& verdict) {
    for (const auto& one : verdict.compared)
      if (one.metric == "decode_tokens_per_second") return one;
    ADD_FAILURE() << "no decoding speed was compared";
    return verdict.compared.front();
  }
  test::ScratchFolder folder_;
};

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

TEST_F(Baseline, WhatTheRunCannotChangeIsRefusedBeforeIt) {
  Report report = report_of({decoded_at(128, {100, 101})});
  report.machine = find_machine();
  report.isa = kernel_isa(report.options.isa);
  EXPECT_TRUE(check_baseline(write(report), report.options).ok());
  Report other = report;
  other.machine.cores += 1;
  EXPECT_EQ(check_baseline(write(other), report.options).error().code, ErrorCode::mismatch);
  other = report;
  other.options.answer_tokens += 1;
  EXPECT_EQ(check_baseline(write(other), report.options).error().code, ErrorCode::mismatch);
  other = report;
  other.configurations[0].outcome = Outcome::failed;
  EXPECT_EQ(check_baseline(write(other), report.options).error().code, ErrorCode::mismatch);
  other = report;
  other.options.prompt_name = "random ids";  // of a model without a tokenizer
  EXPECT_TRUE(check_baseline(write(other), report.options).ok());
  folder_.write("baseline.json", "");
  const Status empty = check_baseline(folder_.path() / "baseline.json", {});
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.error().code, ErrorCode::corrupt);
  const Status absent = check_baseline("absent.json", {});
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
  const std::string text = absent.error().to_string();
  EXPECT_EQ(text.find("absent.json"), text.rfind("absent.json")) << text;
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

TEST_F(Baseline, S3_75_TimesWithoutTheirHardwareAreRefused) {
  const Report report = report_of({decoded_at(128, {100, 100})});
  std::string text = to_json(report);
  const size_t at = text.find("\"identity\"");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 10, "\"renamed\"");
  folder_.write("baseline.json", text);
  const auto verdict = judge(report, folder_.path() / "baseline.json", kThreshold);
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().code, ErrorCode::mismatch);
}

TEST_F(Baseline, OtherMachinesModelsAndFilesAreRefused) {
  const Report report = report_of({decoded_at(128, {100, 100})});
  Report other = report;
  other.machine.cores = 4;
  auto verdict = judge(report, write(other), kThreshold);
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().code, ErrorCode::mismatch);
  EXPECT_NE(verdict.error().message.find("4 cores"), std::string::npos);
  other = report;
  other.model.name = "n";
  EXPECT_EQ(judge(report, write(other), kThreshold).error().code, ErrorCode::mismatch);
  other = report;
  other.configurations[0].context_tokens = 256;
  EXPECT_EQ(judge(report, write(other), kThreshold).error().code, ErrorCode::mismatch);
  for (const char* text : {"{}", "[]", "{\"anemone_bench\": \"1\"}", "not json"}) {
    folder_.write("baseline.json", text);
    EXPECT_EQ(judge(report, folder_.path() / "baseline.json", kThreshold).error().code,
              ErrorCode::corrupt)
        << text;
  }
  folder_.write("baseline.json", "{\"anemone_bench\": 2}");
  EXPECT_EQ(judge(report, folder_.path() / "baseline.json", kThreshold).error().code,
            ErrorCode::unsupported);
  EXPECT_EQ(judge(report, folder_.path() / "none.json", kThreshold).error().code,
            ErrorCode::not_found);
}

TEST_F(Baseline, OtherSettingsThatSpeedDependsOnAreRefused) {
  Report report = report_of({decoded_at(128, {100, 100})});
  report.isa = "avx512";
  const auto file = write(report);
  EXPECT_TRUE(judge(report, file, kThreshold).ok());
  const auto is_refused = [&](const auto& change, const char* words) {
    Report other = report;
    change(other);
    const auto verdict = judge(other, file, kThreshold);
    EXPECT_FALSE(verdict.ok()) << words;
    if (verdict.ok()) return;
    EXPECT_EQ(verdict.error().code, ErrorCode::mismatch);
    EXPECT_NE(verdict.error().message.find(words), std::string::npos) << verdict.error().message;
  };
  is_refused([](Report& other) { other.isa = "scalar"; }, "isa \"avx512\"");
  is_refused([](Report& other) { other.options.answer_tokens = 8; }, "answer_tokens 64");
  is_refused([](Report& other) { other.options.prompt_name = "p.txt"; },
             "prompt \"built-in text\"");
  is_refused([](Report& other) { other.options.warmup = 0; },
             "the baseline was measured with warmup 5, this run with 0");
  report.isa.clear();
  EXPECT_TRUE(judge(report, write(report), kThreshold).ok()) << "an older document says nothing";
}

TEST_F(Baseline, OtherWeightsAreRefusedAndOtherPackagesOfTheSameSizeNamed) {
  Configuration one = decoded_at(128, {100, 100});
  one.artifact = Artifact{.hash = "a", .weight_bytes = 800};
  const auto file = write(report_of({one}));
  auto same = judge(report_of({one}), file, kThreshold);
  ASSERT_TRUE(same.ok());
  EXPECT_TRUE(same->other_artifacts.empty());
  one.artifact->hash = "b";
  same = judge(report_of({one}), file, kThreshold);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->other_artifacts, std::vector{one.id()});
  EXPECT_FALSE(same->regressed());
  one.artifact->weight_bytes = 200;
  EXPECT_EQ(judge(report_of({one}), file, kThreshold).error().code, ErrorCode::mismatch);
}

TEST_F(Baseline, AConfigurationOfOtherBlocksIsNoPassOfTheOne) {
  const Configuration small = decoded_at(128, {100, 100, 100});
  const Configuration large = decoded_at(256, {90, 90, 90});
  const auto file = write(report_of({small, large}));
  Configuration changed = large;
  changed.prefill_block_tokens = 16;
  Report report = report_of({small, changed});
  EXPECT_EQ(judge(report, file, kThreshold)->lost, std::vector{large.id()});
  report.options.prefill = {16};
  EXPECT_EQ(judge(report, file, kThreshold)->lost, std::vector<std::string>())
      << "other blocks than the baseline's were asked for";
  const auto both = write(report_of({small, large, changed}));
  report.options.prefill.clear();
  EXPECT_EQ(judge(report, both, kThreshold)->lost, std::vector<std::string>())
      << "the baseline has the one that was measured now, too";
}

TEST_F(Baseline, AConfigurationThatBrokeFailsTheGate) {
  const Configuration small = decoded_at(128, {100, 100, 100});
  const Configuration large = decoded_at(256, {90, 90, 90});
  const auto file = write(report_of({small, large}));
  Configuration broken = large;
  broken.measurement.reset();
  broken.outcome = Outcome::failed;
  const auto is_lost = [&](const Configuration& now) {
    const auto verdict = judge(report_of({small, now}), file, kThreshold);
    EXPECT_TRUE(verdict.ok());
    EXPECT_EQ(verdict->missing, std::vector{large.id()});
    EXPECT_EQ(verdict->regressed(), !verdict->lost.empty());
    return !verdict->lost.empty();
  };
  EXPECT_TRUE(is_lost(broken));
  broken.prefill_block_tokens.reset();  // it failed before its blocks were known
  broken.chunks.reset();
  EXPECT_TRUE(is_lost(broken));
  broken.threads = 1;
  EXPECT_FALSE(is_lost(broken)) << "another one, which was not in the baseline";
  const auto alone = judge(report_of({small}), file, kThreshold);
  ASSERT_TRUE(alone.ok());
  EXPECT_FALSE(alone->regressed()) << "a smaller sweep";
}

TEST_F(Baseline, ADocumentThatCannotBeIsRefusedWithItsPlace) {
  struct Case {
    const char* place;
    const char* value;
    const char* words;
  };
  const Case cases[] = {
      {"/machine", "null", "'machine/identity': expected a text, got nothing"},
      {"/configurations", "[]", "no configuration"},
      {"/configurations/0", "3", "expected objects with an id, got number"},
      {"/configurations/0/decode_tokens_per_second", R"("fast")",
       "decode_tokens_per_second': expected null or an object with samples, got \"fast\""},
      {"/configurations/0/decode_tokens_per_second/samples", "null", "got object"},
      {"/configurations/0/decode_tokens_per_second/samples/0", "-100", "above 0"},
      {"/configurations/0/decode_tokens_per_second/samples/0", "1e308", "got 1e+308"},
      {"/configurations/0/first_token_ns", "7", "expected an object or null, got 7"},
      {"/configurations/0/first_token_ns/warm/samples/2", R"("5")", "first_token_ns/warm"},
  };
  Report report = report_of({decoded_at(128, {100, 100, 100})});
  report.machine = find_machine();
  const auto sound = nlohmann::json::parse(to_json(report));
  ASSERT_TRUE(check_baseline(write(report), report.options).ok());
  for (const Case& each : cases) {
    auto document = sound;
    document[nlohmann::json::json_pointer(each.place)] = nlohmann::json::parse(each.value);
    folder_.write("baseline.json", document.dump());
    const auto file = folder_.path() / "baseline.json";
    const auto verdict = judge(report, file, kThreshold);
    ASSERT_FALSE(verdict.ok()) << each.place;
    for (const Status& status : {check_baseline(file, report.options), Status(verdict.error())}) {
      ASSERT_FALSE(status.ok()) << each.place;
      EXPECT_NE(status.error().to_string().find(each.words), std::string::npos)
          << status.error().to_string();
      EXPECT_NE(status.error().to_string().find("baseline.json"), std::string::npos);
    }
  }
}

TEST_F(Baseline, IdsThatNoRunWritesAreRefusedAndNotShown) {
  const Report report = report_of({decoded_at(128, {100, 100}), decoded_at(256, {90, 90})});
  const auto sound = nlohmann::json::parse(to_json(report));
  const auto with_id = [&](const std::string& id) {
    auto document = sound;
    document["configurations"][1]["id"] = id;
    folder_.write("baseline.json", document.dump());
    return judge(report, folder_.path() / "baseline.json", kThreshold);
  };
  for (const std::string id : {"a\n\n# Injected", "<script>x</script>", "\x1b[31mRED\x07",
                               "\xc2\x9b[31m", "[a](javascript:b)", "`x`"}) {
    const auto verdict = with_id(id);
    ASSERT_FALSE(verdict.ok()) << id;
    EXPECT_EQ(verdict.error().code, ErrorCode::corrupt);
    EXPECT_EQ(verdict.error().to_string().find(id), std::string::npos);
  }
  EXPECT_FALSE(with_id(std::string(2000, 'a')).ok());
  Configuration other = decoded_at(512, {1});
  other.quantize = "lut4+a=b:c/d,e;f(g)%h";
  EXPECT_TRUE(with_id(other.id()).ok());
}

TEST_F(Baseline, MoreSamplesThanARunWritesAreRefusedAtOnce) {
  Report report = report_of({decoded_at(128, {100, 100})});
  auto document = nlohmann::json::parse(to_json(report));
  document["configurations"][0]["decode_tokens_per_second"]["samples"] =
      std::vector<double>(300'001, 100);
  folder_.write("baseline.json", document.dump());
  const auto verdict = judge(report, folder_.path() / "baseline.json", kThreshold);
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().code, ErrorCode::corrupt);
  EXPECT_NE(verdict.error().to_string().find("300000 samples at most, got 300001"),
            std::string::npos)
      << verdict.error().to_string();
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

TEST_F(Baseline, ConfigurationsThatNoRunWritesAreRefused) {
  const Report report = report_of({decoded_at(128, {100, 100})});
  const auto sound = nlohmann::json::parse(to_json(report));
  const auto refused = [&](const nlohmann::json& document) {
    folder_.write("baseline.json", document.dump());
    const auto verdict = judge(report, folder_.path() / "baseline.json", kThreshold);
    EXPECT_FALSE(verdict.ok());
    return verdict.ok() ? std::string() : verdict.error().to_string();
  };
  auto document = sound;
  document["configurations"].push_back(document["configurations"][0]);
  EXPECT_NE(refused(document).find("two have the id '" + report.configurations[0].id() + "'"),
            std::string::npos);
  document["configurations"] = std::vector<nlohmann::json>(10'001, {{"id", "a"}});
  EXPECT_NE(refused(document).find("expected 10000 at most, got 10001"), std::string::npos);
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

TEST_F(Baseline, AFallBackToTheCpuThatIsNewFailsTheGate) {
  const auto ran = [](bool fell_back) {
    Configuration one = decoded_at(128, {100, 100, 100});
    one.execution = runtime::Execution{.backend = runtime::Backend::coreml};
    if (fell_back) one.execution->notes = {"'infer' " + std::string(runtime::kRefusedUnits)};
    return report_of({one, decoded_at(256, {50, 50, 50})});
  };
  auto verdict = judge(ran(true), write(ran(false)), kThreshold);
  ASSERT_TRUE(verdict.ok());
  EXPECT_TRUE(verdict->regressed());
  verdict = judge(ran(false), write(ran(true)), kThreshold);
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->missing.size(), 1U);
  EXPECT_FALSE(verdict->regressed());
}

TEST_F(Baseline, NamesWhatIsMissing) {
  const auto file = write(report_of({decoded_at(128, {100, 100}), decoded_at(256, {90, 90})}));
  const auto verdict = judge(report_of({decoded_at(128, {100, 100})}), file, kThreshold);
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->missing, std::vector<std::string>{decoded_at(256, {}).id()});
}

TEST_F(Baseline, AnotherBackendIsNoBaselineOfTheSameConfiguration) {
  const auto ran_by = [](runtime::Backend backend) {
    Configuration one = decoded_at(128, {100, 100, 100});
    one.execution = runtime::Execution{.backend = backend};
    return report_of({one, decoded_at(256, {50, 50, 50})});
  };
  const auto file = write(ran_by(runtime::Backend::coreml));
  const auto same = judge(ran_by(runtime::Backend::coreml), file, kThreshold);
  ASSERT_TRUE(same.ok()) << same.error().to_string();
  EXPECT_TRUE(same->missing.empty());
  const auto other = judge(ran_by(runtime::Backend::cpu), file, kThreshold);
  ASSERT_TRUE(other.ok());
  ASSERT_EQ(other->missing.size(), 1U);
  EXPECT_NE(other->missing[0].find("context=128"), std::string::npos);
}

}  // namespace
}  // namespace anemone::bench
