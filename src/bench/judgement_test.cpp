#include "bench/judgement.h"

#include <gtest/gtest.h>

#include "bench/report_of.h"
#include "runtime/coreml.h"

namespace anemone::bench {
namespace {

TEST(Best, S2_39_IsTheFastestAtTheLargestContext) {
  Configuration small = decoded_at(128, {900, 901, 902});
  Configuration slow = decoded_at(512, {100, 101, 102});
  Configuration fast = decoded_at(512, {200, 201, 202});
  fast.prefill_block_tokens = 32;
  const auto best = choose_best({small, slow, fast});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->id, "context=512 prefill=32 chunks=1 units=cpu threads=2");
  EXPECT_EQ(best->by.at("decode_tokens_per_second"), best->id);
  EXPECT_FALSE(best->by.contains("joules_per_token"));
  EXPECT_NE(best->why.find("201.0 tokens a second"), std::string::npos) << best->why;
  EXPECT_NE(best->why.find("none of the others"), std::string::npos) << best->why;
}

TEST(Best, S2_45_EqualSpeedsAreDecidedByTheFirstTokenThenMemory) {
  Configuration first = decoded_at(512, {198, 200, 204});
  Configuration second = decoded_at(512, {196, 199, 203});
  second.threads = 1;
  second.measurement->first_token.warm_ns = make_series({4e6, 4e6, 4e6}, {});
  auto best = choose_best({first, second});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->id, second.id());
  EXPECT_EQ(best->by.at("decode_tokens_per_second"), first.id());
  EXPECT_EQ(best->by.at("first_token_ns"), second.id());
  second.measurement->first_token.warm_ns = first.measurement->first_token.warm_ns;
  second.measurement->memory.peak_rss_bytes = 10;
  best = choose_best({first, second});
  EXPECT_EQ(best->id, second.id());
}

TEST(Best, NothingMeasuredHasNone) {
  EXPECT_FALSE(choose_best({Configuration{.context_tokens = 128, .compute_units = "all"}}));
}

TEST(Best, WithoutADecodingSpeedThereIsNoneWhateverElseWasMeasured) {
  Configuration one = decoded_at(512, {100, 101});
  one.measurement->decode_tokens_per_second = {};
  EXPECT_FALSE(choose_best({one}));
  const auto best = choose_best({one, decoded_at(128, {90, 91})});
  ASSERT_TRUE(best);
  EXPECT_NE(best->id.find("context=128"), std::string::npos);
}

TEST(Best, WhatWasNotMeasuredNamesNoConfiguration) {
  Configuration one = decoded_at(512, {100, 101});
  one.measurement->memory.peak_rss_bytes.reset();
  one.measurement->first_token.warm_ns = {};
  const auto best = choose_best({one});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->by.size(), 1U);
  EXPECT_TRUE(best->by.contains("decode_tokens_per_second"));
  EXPECT_EQ(best->why.find("first token"), std::string::npos) << best->why;
}

TEST(Best, OneSampleHasNoIntervalAndIsEqualToNone) {
  Configuration fast = decoded_at(512, {200});
  Configuration near = decoded_at(512, {199.9});
  near.threads = 1;
  near.measurement->first_token.warm_ns = make_series({1}, {});
  const auto best = choose_best({near, fast});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->id, fast.id());
  EXPECT_NE(best->why.find("(one request, which has no interval)"), std::string::npos) << best->why;
  EXPECT_EQ(best->why.find("within their intervals"), std::string::npos) << best->why;
}

TEST(Best, PeaksOfTheProcessAreNotCompared) {
  Configuration first = decoded_at(512, {198, 200, 204});
  Configuration second = decoded_at(512, {198, 200, 204});
  second.threads = 1;
  second.measurement->memory.peak_rss_bytes = 10;
  for (Configuration* one : {&first, &second}) one->measurement->memory.peak_is_own = false;
  const auto best = choose_best({first, second});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->id, first.id());
  EXPECT_FALSE(best->by.contains("peak_rss_bytes"));
}

TEST(Scaling, S2_33_IsALineThroughThreeContexts) {
  const auto lines = find_scaling({decoded_at(128, {1e9 / 1128}), decoded_at(256, {1e9 / 1256}),
                                   decoded_at(512, {1e9 / 1512})});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].metric, "step_ns");
  EXPECT_EQ(lines[0].group, "prefill=64 chunks=1 units=cpu threads=2");
  EXPECT_NEAR(lines[0].line.intercept, 1000, 1e-6);
  EXPECT_NEAR(lines[0].line.slope, 1, 1e-9);
  EXPECT_TRUE(find_scaling({decoded_at(128, {1}), decoded_at(256, {2})}).empty());
}

Configuration on_engine(Configuration one, std::vector<double> speeds) {
  one.compute_units = "cpu-ane";
  one.measurement->decode_tokens_per_second = make_series(std::move(speeds), {});
  return one;
}

TEST(Phase2, S2_3_TheSpeedUpMustLieAboveTheTargetWithItsInterval) {
  const Configuration cpu = decoded_at(128, {99, 100, 101, 100, 100});
  auto verdict = judge_phase2(report_of({cpu, on_engine(cpu, {149, 150, 151, 150, 150})}));
  ASSERT_EQ(verdict.speedups.size(), 1U);
  EXPECT_DOUBLE_EQ(verdict.speedups[0].ratio.value, 1.5);
  EXPECT_GT(verdict.speedups[0].ratio.interval.low, 149.0 / 101 - 1e-9);
  EXPECT_EQ(verdict.met, true);
  EXPECT_EQ(verdict.identical_outputs, true);
  verdict = judge_phase2(report_of({cpu, on_engine(cpu, {120, 140, 131, 150, 110})}));
  EXPECT_EQ(verdict.met, false) << "the median is above 1.3, the interval is not";
}

TEST(Phase2, S2_7_S2_31_S3_67_TheTablesShowUnitsAndTheEarlierFiguresWithTheirSource) {
  const Configuration cpu = decoded_at(128, {99, 100, 101, 100, 100});
  Report report = report_of({cpu, on_engine(cpu, {149, 150, 151, 150, 150})});
  report.phase2 = judge_phase2(report);
  const std::string table = to_markdown(report);
  for (const char* part :
       {"128 / 64 / 1 / cpu / 2", "128 / 64 / 1 / cpu-ane / 2", "context 128: 1.50 (",
        "3.52 ms against 4.55 ms", "1.29 to 1.62", "TypoFixerTraining"})
    EXPECT_NE(table.find(part), std::string::npos) << part;
}

TEST(Phase2, S2_40_RatiosBeyondTheExpectedRangeAreNamed) {
  const Configuration cpu = decoded_at(128, {99, 100, 101});
  const auto verdict = judge_phase2(report_of({cpu, on_engine(cpu, {250, 251, 252})}));
  EXPECT_EQ(verdict.met, true);
  EXPECT_NE(verdict.reason.find("1 of 1 ratios lie beyond the expected 2"), std::string::npos)
      << verdict.reason;
}

TEST(Phase2, S2_3_EveryContextOfTheSweepNeedsItsPair) {
  std::vector<Configuration> all;
  for (const int64_t context : {128, 256, 512}) {
    all.push_back(decoded_at(context, {99, 100, 101}));
    all.push_back(on_engine(all.back(), {150, 151, 152}));
  }
  EXPECT_EQ(judge_phase2(report_of(all)).met, true);
  all[3].measurement.reset();
  all[3].outcome = Outcome::failed;
  const auto verdict = judge_phase2(report_of(all));
  EXPECT_FALSE(verdict.met);
  EXPECT_EQ(verdict.speedups.size(), 2U);
  EXPECT_NE(verdict.reason.find("of 256 no speeds"), std::string::npos) << verdict.reason;
}

TEST(Phase2, AnswersThatVaryAreNotIdentical) {
  for (const size_t which : {0U, 1U}) {
    std::vector<Configuration> pair = {decoded_at(128, {99, 100, 101})};
    pair.push_back(on_engine(pair[0], {150, 151, 152}));
    pair[which].measurement->outputs.repeatable = false;
    const auto verdict = judge_phase2(report_of(pair));
    EXPECT_EQ(verdict.identical_outputs, false) << which;
    EXPECT_EQ(verdict.met, false) << which;
    EXPECT_NE(verdict.reason.find("vary from request to request"), std::string::npos);
  }
}

TEST(Phase2, OtherPackagesAreNoPair) {
  Configuration cpu = decoded_at(128, {99, 100, 101});
  cpu.artifact = Artifact{.hash = "one"};
  Configuration engine = on_engine(cpu, {150, 151, 152});
  EXPECT_EQ(judge_phase2(report_of({cpu, engine})).met, true);
  engine.artifact->hash = "another";
  EXPECT_FALSE(judge_phase2(report_of({cpu, engine})).met);
}

TEST(Phase2, ADriftOfEitherSpeedStandsBesideTheVerdict) {
  const Configuration cpu = decoded_at(128, {99, 100, 101});
  Configuration engine = on_engine(cpu, {150, 151, 152});
  engine.measurement->drift = statistics::Drift{.change = -0.125, .significant = true};
  const auto verdict = judge_phase2(report_of({cpu, engine}));
  EXPECT_NE(verdict.reason.find("units=cpu-ane threads=2 drifted by -12.5 %"), std::string::npos)
      << verdict.reason;
}

TEST(Tables, NameTheConfidenceOfTheirIntervals) {
  const Configuration one = decoded_at(128, {99, 100, 101});
  Report report = report_of({one});
  report.options.confidence = 0.5;
  report.baseline = BaselineVerdict{.file = "b",
                                    .threshold = 0.05,
                                    .confidence = 0.5,
                                    .compared = {{.id = one.id(),
                                                  .metric = "first_token_ns.warm",
                                                  .baseline_visits_mean = 5e6,
                                                  .visits_mean = 6.25e6,
                                                  .verdict = "slower"}},
                                    .missing = {"context=64", "context=256"},
                                    .lost = {"context=256"}};
  const std::string table = to_markdown(report);
  EXPECT_EQ(table.find("95 %"), std::string::npos) << table;
  for (const char* part :
       {"decode tok/s (50 %)", "without it (50 %)", "first_token_ns.warm, ms", "| 5.000 ",
        "| 6.250 ", "- context=64: in the baseline, not measured here\n",
        "- context=256: in the baseline, not measured here though it was asked for"})
    EXPECT_NE(table.find(part), std::string::npos) << part << "\n" << table;
}

TEST(Tables, AReasonNamesTheConfigurationsThatHaveItWhereNotAllDo) {
  Configuration small = decoded_at(128, {100, 100});
  Configuration large = decoded_at(256, {90, 90});
  for (Configuration* one : {&small, &large}) one->measurement->energy.reason = "no counters";
  small.measurement->floor.reason = "9 MB";
  large.measurement->floor.reason = "10 MB";
  const std::string table = to_markdown(report_of({small, large}));
  for (const char* line :
       {"\nenergy n/a: no counters\n", "\nfloor n/a: 9 MB (128 / 64 / 1 / cpu / 2)\n",
        "\nfloor n/a: 10 MB (256 / 64 / 1 / cpu / 2)\n"})
    EXPECT_NE(table.find(line), std::string::npos) << line << table;
}

TEST(Tables, LinesThatWouldGoBelowZeroSaySo) {
  Configuration one = decoded_at(128, {100, 100});
  one.measurement->drift = statistics::Drift{.change = -1.082, .significant = true};
  Report report = report_of({one});
  report.scaling = {
      {.metric = "first_token_ns", .group = "g", .line = {.intercept = -3e6, .slope = 2e5}}};
  std::string table = to_markdown(report);
  EXPECT_NE(table.find("| n/a (varies more than a line says) "), std::string::npos) << table;
  EXPECT_EQ(table.find("108.2"), std::string::npos);
  EXPECT_NE(table.find("it says nothing of shorter contexts"), std::string::npos);
  report.configurations[0].measurement->drift->change = -0.9;
  report.scaling[0].line.intercept = 1;
  table = to_markdown(report);
  EXPECT_NE(table.find("| -90.0 % "), std::string::npos);
  EXPECT_EQ(table.find("it says nothing of shorter contexts"), std::string::npos);
}

TEST(Phase2, OtherTokensMissTheTargetWhateverTheSpeed) {
  const Configuration cpu = decoded_at(128, {99, 100, 101});
  Configuration engine = on_engine(cpu, {300, 300, 300});
  engine.measurement->outputs.tokens = {1, 2, 4};
  const auto verdict = judge_phase2(report_of({cpu, engine}));
  EXPECT_EQ(verdict.identical_outputs, false);
  EXPECT_EQ(verdict.met, false);
}

TEST(Phase2, S2_3_ASpeedOfTheCpuInItsPlaceIsNoSpeedUp) {
  const Configuration cpu = decoded_at(128, {99, 100, 101});
  Configuration engine = on_engine(cpu, {300, 300, 300});
  engine.execution =
      runtime::Execution{.backend = runtime::Backend::coreml,
                         .compute_units = runtime::ComputeUnits::cpu_ane,
                         .notes = {"chunk.mlpackage: function 'infer' " +
                                   std::string(runtime::kRefusedUnits) + " on cpu-ane: no"}};
  Configuration on_coreml = cpu;
  on_coreml.execution = runtime::Execution{.backend = runtime::Backend::coreml};
  const auto refused = judge_phase2(report_of({on_coreml, engine}));
  EXPECT_FALSE(refused.met);
  EXPECT_NE(refused.reason.find("refuses the Neural Engine"), std::string::npos);
  engine.execution->notes = {"a variable was set"};
  EXPECT_EQ(judge_phase2(report_of({on_coreml, engine})).met, true);
  Configuration on_executor = cpu;
  on_executor.execution = runtime::Execution{};
  EXPECT_FALSE(judge_phase2(report_of({on_executor, engine})).met) << "two backends";
}

TEST(Phase2, WithoutANeuralEngineThereIsNoVerdict) {
  Configuration engine = decoded_at(128, {100});
  engine.compute_units = "cpu-ane";
  engine.measurement.reset();
  const auto verdict = judge_phase2(report_of({decoded_at(128, {100}), engine}));
  EXPECT_FALSE(verdict.met);
  EXPECT_FALSE(verdict.identical_outputs);
  EXPECT_NE(verdict.reason.find("Mac"), std::string::npos);
}

}  // namespace
}  // namespace anemone::bench
