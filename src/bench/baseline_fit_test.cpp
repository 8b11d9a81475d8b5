#include <gmock/gmock.h>

#include "bench/baseline_test.h"
#include "bench/machine.h"
#include "runtime/coreml.h"

namespace anemone::bench {
namespace {

using testing::HasSubstr;

TEST_F(Baseline, WhatTheRunCannotChangeIsRefusedBeforeIt) {
  Report report = report_of({decoded_at(128, {100, 101})});
  report.machine = find_machine();
  report.isa = kernel_isa(report.options.isa);
  EXPECT_TRUE(check_baseline(write(report), report.options).ok());
  Report other = report;
  other.machine.cores += 1;
  EXPECT_THAT(refusal(check_baseline(write(other), report.options)), HasSubstr("this machine is"));
  other = report;
  other.options.answer_tokens += 1;
  EXPECT_THAT(refusal(check_baseline(write(other), report.options)), HasSubstr("answer_tokens 65"));
  other = report;
  other.configurations[0].outcome = Outcome::failed;
  EXPECT_THAT(refusal(check_baseline(write(other), report.options)),
              HasSubstr("no configuration that was measured"));
  other = report;
  other.options.prompt_name = "random ids";  // of a model without a tokenizer
  EXPECT_TRUE(check_baseline(write(other), report.options).ok());
  folder_.write("baseline.json", "");
  EXPECT_THAT(refusal(check_baseline(folder_.path() / "baseline.json", {})), HasSubstr("JSON"));
  const std::string text = refusal(check_baseline("absent.json", {}));
  EXPECT_NE(text.find("absent.json"), std::string::npos);
  EXPECT_EQ(text.find("absent.json"), text.rfind("absent.json")) << text;
}

TEST_F(Baseline, S3_75_TimesWithoutTheirHardwareAreRefused) {
  const Report report = report_of({decoded_at(128, {100, 100})});
  std::string text = to_json(report);
  const size_t at = text.find("\"identity\"");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 10, "\"renamed\"");
  folder_.write("baseline.json", text);
  EXPECT_THAT(refusal(judge(report, folder_.path() / "baseline.json", kThreshold)),
              HasSubstr("'machine/identity': expected a text, got nothing"));
}

TEST_F(Baseline, OtherMachinesModelsAndFilesAreRefused) {
  const Report report = report_of({decoded_at(128, {100, 100})});
  Report other = report;
  other.machine.cores = 4;
  EXPECT_THAT(refusal(judge(report, write(other), kThreshold)), HasSubstr("4 cores"));
  other = report;
  other.configurations[0].context_tokens = 256;
  EXPECT_THAT(refusal(judge(report, write(other), kThreshold)),
              HasSubstr("no configuration of this sweep (it has context=256"));
  for (const char* text : {"{}", "[]", "{\"anemone_bench\": \"1\"}", "not json"}) {
    folder_.write("baseline.json", text);
    EXPECT_NE(refusal(judge(report, folder_.path() / "baseline.json", kThreshold)), "") << text;
  }
  folder_.write("baseline.json", "{\"anemone_bench\": 2}");
  EXPECT_THAT(refusal(judge(report, folder_.path() / "baseline.json", kThreshold)),
              HasSubstr("a document of version 2"));
  EXPECT_THAT(refusal(judge(report, folder_.path() / "none.json", kThreshold)),
              HasSubstr("none.json"));
}

TEST_F(Baseline, AModelIsKnownByItsKindAndNotByItsName) {
  Report report = report_of({decoded_at(128, {100, 100})});
  report.model = {.name = "m",
                  .form = "anemone",
                  .architecture = "qwen3",
                  .vocabulary = 4096,
                  .numerics = runtime::Numerics::fp16};
  const auto file = write(report);
  const auto refused = [&](const auto& change) {
    Report other = report;
    change(other.model);
    const std::string before = refusal(check_fit(file, other));
    EXPECT_EQ(before, refusal(judge(other, file, kThreshold))) << "as after the run";
    return before;
  };
  EXPECT_EQ(refused([](Model& model) { model.name = "renamed"; }), "");
  EXPECT_THAT(refused([](Model& model) { model.numerics = runtime::Numerics::fp32; }),
              HasSubstr("the numerics 'fp16', this one 'fp32'"));
  EXPECT_THAT(refused([](Model& model) { model.form = "anemll"; }),
              HasSubstr("the form 'anemone', this one 'anemll'"));
  EXPECT_THAT(refused([](Model& model) { model.architecture = "llama"; }),
              HasSubstr("the architecture 'qwen3', this one 'llama'"));
  EXPECT_THAT(refused([](Model& model) { model.vocabulary = 32000; }),
              HasSubstr("a vocabulary of 4096, this one of 32000"));
}

TEST_F(Baseline, OtherSettingsThatSpeedDependsOnAreRefused) {
  Report report = report_of({decoded_at(128, {100, 100})});
  report.isa = "avx512";
  const auto file = write(report);
  EXPECT_TRUE(judge(report, file, kThreshold).ok());
  const auto is_refused = [&](const auto& change, const char* words) {
    Report other = report;
    change(other);
    EXPECT_THAT(refusal(judge(other, file, kThreshold)), HasSubstr(words));
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

TEST_F(Baseline, PackagesOfAnotherContextAreRefused) {
  Configuration one = decoded_at(128, {100, 100});
  one.artifact = Artifact{.hash = "a", .weight_bytes = 800, .context_tokens = 512};
  const auto file = write(report_of({one}));
  one.artifact->hash = "b";
  EXPECT_TRUE(judge(report_of({one}), file, kThreshold).ok());
  one.artifact->context_tokens = 1024;
  EXPECT_THAT(refusal(judge(report_of({one}), file, kThreshold)),
              HasSubstr("on a model with a context of 512 tokens, this one on one of 1024"));
}

TEST_F(Baseline, PackagesWithoutAHashAreNoOthers) {
  Configuration one = decoded_at(128, {100, 100});
  one.artifact = Artifact{.hash = "", .weight_bytes = 800};
  const auto file = write(report_of({one}));
  one.artifact->hash = "b";
  EXPECT_EQ(*check_fit(file, report_of({one})), "");
  one.artifact->weight_bytes = 801;
  EXPECT_THAT(*check_fit(file, report_of({one})), HasSubstr("of 800 bytes of weights, here 801"));
  // Nor is it known whose the weights are where this run has no hash: then their size tells.
  const auto named = write(report_of({one}));
  one.artifact->hash = "";
  EXPECT_EQ(*check_fit(named, report_of({one})), "");
  one.artifact->weight_bytes = 1600;
  EXPECT_FALSE(check_fit(named, report_of({one})).ok());
}

TEST_F(Baseline, WhatTheOptionsSayIsRefusedBeforeAnyPackage) {
  Report report = report_of({decoded_at(128, {100, 100})});
  report.machine = find_machine();
  const auto file = write(report);
  Options options = report.options;
  options.threads = {report.configurations[0].threads};
  options.contexts = {128};
  EXPECT_EQ(refusal(check_baseline(file, options)), "") << "of this machine";
  options.contexts = {256};
  EXPECT_THAT(refusal(check_baseline(file, options)), HasSubstr("no configuration of this sweep"));
  options.contexts = {128};
  options.numerics = "fp32";
  EXPECT_THAT(refusal(check_baseline(file, options)), HasSubstr("'fp16', this one 'fp32'"));
}

TEST_F(Baseline, OtherWeightsAreRefusedAndANewConversionOfAboutTheirSizeNamed) {
  Configuration one = decoded_at(128, {100, 100});
  one.artifact = Artifact{.hash = "a", .weight_bytes = 800};
  const auto file = write(report_of({one}));
  EXPECT_EQ(*check_fit(file, report_of({one})), "");
  auto same = judge(report_of({one}), file, kThreshold);
  ASSERT_TRUE(same.ok());
  EXPECT_TRUE(same->other_artifacts.empty());
  one.artifact->hash = "b";
  same = judge(report_of({one}), file, kThreshold);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->other_artifacts, std::vector{one.id()});
  EXPECT_FALSE(same->regressed());
  Report renamed = report_of({one});
  renamed.model.name = "n";
  EXPECT_EQ(*check_fit(file, renamed),
            "the baseline of 'm' was measured on other packages (" + one.id() +
                "): they are compared; whether in another compression is not known");
  for (const uint64_t near : {720U, 880U}) {
    one.artifact->weight_bytes = near;
    EXPECT_THAT(*check_fit(file, report_of({one})),
                HasSubstr("of 800 bytes of weights, here " + std::to_string(near)));
    const auto verdict = judge(report_of({one}), file, kThreshold);
    ASSERT_TRUE(verdict.ok());
    EXPECT_TRUE(verdict->other_artifacts.empty()) << "of as many bytes";
    ASSERT_EQ(verdict->other_sizes.size(), 1U);
    EXPECT_EQ(verdict->other_sizes[0].baseline_weight_bytes, 800U);
    EXPECT_THAT(to_markdown(with(report_of({one}), *verdict)),
                HasSubstr("of " + std::to_string(near) + " bytes of weights, not 800"));
  }
  for (const uint64_t far : {200U, 719U, 890U}) {
    one.artifact->weight_bytes = far;
    const std::string words = "800 bytes of weights, this one " + std::to_string(far);
    EXPECT_THAT(refusal(check_fit(file, report_of({one}))), HasSubstr(words));
    EXPECT_THAT(refusal(judge(report_of({one}), file, kThreshold)), HasSubstr(words));
  }
}

TEST_F(Baseline, ASweepThatFailsHasTheConfigurationsThatItWasAskedFor) {
  const auto file = write(report_of({decoded_at(128, {100, 100})}));
  Configuration broken = decoded_at(128, {1});
  broken.measurement.reset();
  broken.outcome = Outcome::failed;
  broken.prefill_block_tokens.reset();
  EXPECT_EQ(refusal(check_fit(file, report_of({broken}))), "");
  broken.context_tokens = 64;
  EXPECT_NE(refusal(check_fit(file, report_of({broken}))), "");
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
