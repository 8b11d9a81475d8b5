#include "bench/measure.h"

#include <gtest/gtest.h>

#include "bench/scripted.h"

namespace anemone::bench {
namespace {

constexpr int64_t kMs = 1'000'000;

/// Ten prompt tokens, five of an answer. Loading takes 50 ms, tokenizing 1 ms, a call 2 ms and 1 ms
/// a token; the steps of request r take r ms more each.
struct Scene {
  ScriptedClock clock;
  ScriptedMemory memory;
  ScriptedEnergy energy{clock, 4};
  Options options{.repetitions = 5, .warmup = 2, .loads = 2, .stage_requests = 2};
  Subject subject;
  int loads = 0;
  int requests = 0;  ///< that began after the last load.
  int ticks = 0;

  Scene() {
    subject.answer_tokens = 5;
    subject.files = "files";
    subject.prompt.ids.assign(10, 7);
    subject.prompt.tokenize = [this]() -> Status {
      ++requests;
      clock.pass(kMs);
      return {};
    };
    subject.open =
        [this](std::shared_ptr<runtime::Observer>) -> Result<std::unique_ptr<lm::LanguageModel>> {
      clock.pass(loads++ == 0 ? 90 * kMs : 50 * kMs);
      requests = 0;
      return std::unique_ptr<lm::LanguageModel>(
          std::make_unique<ScriptedModel>(clock, [this](int64_t, int64_t tokens) {
            if (tokens > 1) return (2 + tokens) * kMs;
            return (3 + std::max(requests - 4, 0)) * kMs;  // one first token and two of warm-up
          }));
    };
  }

  Result<Measured> run() {
    const Meters meters{clock,
                        memory,
                        energy,
                        [](const std::filesystem::path&) { return true; },
                        [] { return std::optional<double>(40); },
                        {}};
    return measure(subject, options, meters, [this] {
      ++ticks;
      return true;
    });
  }
};

std::vector<double> in_ms(const Series& series) {
  std::vector<double> values;
  for (const double ns : series.samples) values.push_back(ns / kMs);
  return values;
}

TEST(Measure, S2_22_TimesEveryRequestFromTheTextToItsLastToken) {
  Scene scene;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok()) << measured.error().to_string();
  const Measurement& own = measured->measurement;
  // 1 of tokenizing, 12 of the prompt, four steps of 3 + r.
  EXPECT_EQ(in_ms(own.request_ns), (std::vector<double>{25, 29, 33, 37, 41}));
  EXPECT_EQ(own.request_ns.summary->median, 33 * kMs);
  EXPECT_EQ(own.prompt_tokens, 10);
  EXPECT_EQ(own.answer_tokens, 5);
}

TEST(Measure, S0_68_TellsColdWarmAndCachedFirstTokensApart) {
  Scene scene;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  const FirstToken& first = measured->measurement.first_token;
  EXPECT_EQ(in_ms(first.cold_ns), (std::vector<double>{13, 13, 13}));
  EXPECT_EQ(in_ms(first.warm_ns), (std::vector<double>{13, 13, 13, 13, 13}));
  EXPECT_EQ(first.cached_prefix_tokens, 5);
  EXPECT_EQ(in_ms(first.cached_ns), (std::vector<double>{8, 8, 8, 8, 8}));
  const Series& steps = measured->measurement.step_ns;
  EXPECT_EQ(steps.samples.size(), 20U);
  EXPECT_EQ(steps.summary->median, 5 * kMs);
  EXPECT_EQ(steps.summary->p95, 7 * kMs);
}

TEST(Measure, S0_67_SpeedsAreTokensOverTheirOwnTime) {
  Scene scene;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  const Measurement& own = measured->measurement;
  ASSERT_EQ(own.decode_tokens_per_second.samples.size(), 5U);
  EXPECT_DOUBLE_EQ(own.decode_tokens_per_second.samples[0], 1000.0 / 3);
  EXPECT_DOUBLE_EQ(own.decode_tokens_per_second.summary->median, 1000.0 / 5);
  EXPECT_DOUBLE_EQ(own.prefill_tokens_per_second.summary->median, 10 / 0.012);
}

TEST(Measure, LoadTimeIsInNoSpeed) {
  Scene scene;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  const Load& load = measured->measurement.load;
  EXPECT_EQ(load.cold_ns, 90 * kMs);
  EXPECT_EQ(in_ms(load.warm_ns), (std::vector<double>{50, 50}));
  EXPECT_EQ(measured->measurement.first_token.cold_ns.summary->max, 13 * kMs);
}

TEST(Measure, S3_50_WarmUpIsNotCounted) {
  Scene scene;
  scene.options.warmup = 0;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  // Without warm-up the requests that were left out before are the first samples.
  EXPECT_EQ(in_ms(measured->measurement.request_ns), (std::vector<double>{25, 25, 25, 29, 33}));
}

TEST(Measure, S3_48_TheGainOfPackagesCompiledAheadIsShown) {
  Scene scene;
  scene.subject.load_uncompiled = [](Clock&) -> Result<std::optional<double>> {
    return std::optional(400.0 * kMs);
  };
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  const Load& load = measured->measurement.load;
  EXPECT_EQ(load.uncompiled_ns, 400.0 * kMs);
  EXPECT_EQ(in_ms(load.warm_ns), (std::vector<double>{50, 50}));
  EXPECT_EQ(load.compiled_gain(), 8);
  Configuration one{.context_tokens = 15, .compute_units = "cpu-ane", .threads = 1};
  one.outcome = Outcome::measured;
  one.execution = runtime::Execution{.backend = runtime::Backend::coreml};
  one.measurement = measured->measurement;
  Report report;
  report.configurations.push_back(std::move(one));
  const std::string table = to_markdown(report);
  EXPECT_NE(table.find("| 400.0 "), std::string::npos) << table;
  EXPECT_NE(table.find("8.0 times"), std::string::npos) << table;
  EXPECT_NE(to_json(report).find("\"compiled_gain\": 8.0"), std::string::npos);
  EXPECT_FALSE(Scene().run()->measurement.load.compiled_gain());
}

TEST(Measure, S0_53_S2_35_StagesSumToTheTotal) {
  Scene scene;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  ASSERT_TRUE(measured->measurement.stages);
  const Stages& stages = *measured->measurement.stages;
  EXPECT_EQ(stages.requests, 2);
  EXPECT_EQ(stages.tokenize, kMs);
  EXPECT_EQ(stages.prefill, 12 * kMs);
  EXPECT_EQ(stages.step, 12 * kMs);
  EXPECT_FALSE(stages.embed);
  EXPECT_FALSE(stages.head);
  EXPECT_EQ(stages.sum_ns(), stages.total_ns);
  EXPECT_FALSE(stages.note.empty());
}

TEST(Measure, S4_25_TheTokenizersShareIsOfTheWarmFirstToken) {
  Scene scene;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  ASSERT_TRUE(measured->measurement.tokenizer_share());
  EXPECT_DOUBLE_EQ(*measured->measurement.tokenizer_share(), 1.0 / 13);
  Report report;
  Configuration& one = report.configurations.emplace_back();
  one.outcome = Outcome::measured;
  one.measurement = measured->measurement;
  EXPECT_NE(to_json(report).find("\"tokenizer_share\": 0.0769"), std::string::npos);
  EXPECT_NE(to_markdown(report).find("7.69 %"), std::string::npos) << to_markdown(report);

  Scene without;
  without.subject.prompt.tokenize = nullptr;
  EXPECT_FALSE(without.run()->measurement.tokenizer_share());
}

TEST(Measure, S4_10_SequencesTogetherAreMeasuredWhereAskedFor) {
  Scene scene;
  EXPECT_TRUE(scene.run()->measurement.batches.empty());

  Scene asked;
  asked.options.batches = {1, 2};
  asked.subject.batch_repetitions = 5;
  const auto measured = asked.run();
  ASSERT_TRUE(measured.ok());
  const auto& batches = measured->measurement.batches;
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[1].sequences, 2);
  EXPECT_EQ(batches[1].tokens_per_second.samples.size(), 5U);
  EXPECT_EQ(batches[1].step_ns.samples.size(), 20U);
  // One after the other: a step of two takes twice as long.
  EXPECT_DOUBLE_EQ(batches[1].step_ns.summary->median, 2 * batches[0].step_ns.summary->median);
  EXPECT_EQ(static_cast<uint64_t>(asked.ticks), requests_of(asked.options, 0, 1));
  Report report;
  Configuration& one = report.configurations.emplace_back();
  one.outcome = Outcome::measured;
  one.measurement = measured->measurement;
  EXPECT_NE(to_markdown(report).find("offline 1, interactive 1"), std::string::npos);
}

TEST(Measure, StagesThatCannotBeTimedLeaveTheMeasurement) {
  Scene scene;
  const auto open = scene.subject.open;
  scene.subject.open = [open](std::shared_ptr<runtime::Observer> observer)
      -> Result<std::unique_ptr<lm::LanguageModel>> {
    if (observer != nullptr) return Error{ErrorCode::unsupported, "shows nothing", {}, {}};
    return open(nullptr);
  };
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok()) << measured.error().to_string();
  EXPECT_FALSE(measured->interrupted);
  EXPECT_FALSE(measured->measurement.stages);
  EXPECT_EQ(measured->measurement.stages_reason, "shows nothing");
  EXPECT_EQ(measured->measurement.request_ns.samples.size(), 5U);
}

TEST(Measure, ALaterVisitLoadsOnceAndTimesNoStages) {
  Scene scene;
  scene.subject.again = true;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok()) << measured.error().to_string();
  EXPECT_EQ(scene.loads, 1);
  EXPECT_FALSE(measured->measurement.stages);
  EXPECT_FALSE(measured->measurement.load.cold_ns) << "the first load was another";
  EXPECT_EQ(measured->measurement.request_ns.samples.size(), 5U);
  EXPECT_EQ(static_cast<uint64_t>(scene.ticks), requests_of(scene.options, 1, 1));
}

TEST(Measure, EnergyOfAnInterruptedRunIsThatOfTheRequestsThatAreDone) {
  Scene scene;
  const Meters meters{scene.clock,  scene.memory,
                      scene.energy, [](const std::filesystem::path&) { return false; },
                      {},           {}};
  // Three loads and two of warm-up before the timed ones.
  const auto measured =
      measure(scene.subject, scene.options, meters, [&] { return ++scene.ticks < 8; });
  ASSERT_TRUE(measured.ok()) << measured.error().to_string();
  EXPECT_TRUE(measured->interrupted);
  EXPECT_EQ(in_ms(measured->measurement.request_ns), (std::vector<double>{25, 29, 33}));
  EXPECT_DOUBLE_EQ(measured->measurement.energy.joules_per_token.value(),
                   4 * (0.025 + 0.029 + 0.033) / (3 * 15));
  EXPECT_EQ(measured->measurement.visits.at(0).requests, 3U);
}

TEST(Measure, WithoutAReferenceWorkThatWasAskedForThereIsNoMeasurement) {
  Scene scene;
  Meters meters{scene.clock, scene.memory, scene.energy, {}, {}, {}};
  meters.reference_ns = [] { return Error{ErrorCode::limit, "no more threads", {}, {}}; };
  const auto measured = measure(scene.subject, scene.options, meters, [] { return true; });
  ASSERT_FALSE(measured.ok());
  EXPECT_EQ(measured.error().code, ErrorCode::limit);
}

TEST(Measure, S2_28_S2_38_MemoryIsSeenOverTimeAndAtItsPeak) {
  Scene scene;
  scene.memory.resident = {100, 200, 300, 400, 350};
  scene.memory.peak = 999;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  const Memory& memory = measured->measurement.memory;
  EXPECT_EQ(memory.peak_rss_bytes, 999U);
  ASSERT_GE(memory.series.size(), 5U);
  EXPECT_EQ(memory.series[0].at_ns, 0);
  EXPECT_EQ(memory.series[0].rss_bytes, 100U);
  EXPECT_EQ(memory.series[1].at_ns, 90 * kMs);
  EXPECT_EQ(memory.series[3].rss_bytes, 400U);
  EXPECT_EQ(memory.series.back().rss_bytes, 350U);
  EXPECT_EQ(memory.weights_bytes, 1000U);
  EXPECT_EQ(memory.state_bytes, 140U);
  EXPECT_EQ(memory.source, "script, peak of the configuration");
}

TEST(Measure, S0_14_EnergyIsThatOfTheTimedRequestsByToken) {
  Scene scene;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  const Energy& energy = measured->measurement.energy;
  const double seconds = 0.025 + 0.029 + 0.033 + 0.037 + 0.041;
  EXPECT_DOUBLE_EQ(energy.joules.value(), 4 * seconds);
  EXPECT_DOUBLE_EQ(energy.watts.value(), 4);
  EXPECT_DOUBLE_EQ(energy.joules_per_token.value(), 4 * seconds / (5 * 15));
}

TEST(Measure, S2_29_DriftOfTheSpeedAndTemperatureAreRecorded) {
  Scene scene;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  ASSERT_TRUE(measured->measurement.drift);
  EXPECT_LT(measured->measurement.drift->change, -0.5);
  EXPECT_TRUE(measured->measurement.drift->significant);
  EXPECT_EQ(measured->measurement.thermal.celsius_before, 40);
  EXPECT_EQ(measured->measurement.thermal.celsius_after, 40);
}

TEST(Measure, S0_46_ProcessorTimeIsThatOfTheTimedRequests) {
  Scene scene;
  scene.subject.threads = 4;
  const Meters meters{
      scene.clock, scene.memory, scene.energy,
      {},          {},           [&] { return 2e-9 * static_cast<double>(scene.clock.now_ns()); }};
  const auto measured = measure(scene.subject, scene.options, meters, [] { return true; });
  ASSERT_TRUE(measured.ok());
  const double seconds = 0.025 + 0.029 + 0.033 + 0.037 + 0.041;
  EXPECT_NEAR(measured->measurement.processor.cpu_seconds.value(), 2 * seconds, 1e-12);
  EXPECT_NEAR(measured->measurement.processor.utilisation.value(), 0.5, 1e-12);
  EXPECT_FALSE(measured->measurement.load.cold_ns);
  EXPECT_FALSE(measured->measurement.load.cold_reason.empty());
}

TEST(Measure, S2_23_SaysWhetherRequestsGaveTheSameTokens) {
  Scene scene;
  const auto measured = scene.run();
  ASSERT_TRUE(measured.ok());
  const Outputs& outputs = measured->measurement.outputs;
  EXPECT_EQ(outputs.tokens, (std::vector<int32_t>{10, 11, 12, 13, 14}));
  EXPECT_TRUE(outputs.repeatable);
  // sha256 of five little-endian 32-bit numbers.
  EXPECT_EQ(outputs.token_hash,
            "sha256:440ecef6b28c1863e61fda9fa2d871d74911b6f0b291099dca26be322144a2ed");
}

TEST(Measure, TellsEachRequestAndStopsWhenAsked) {
  Scene scene;
  ASSERT_TRUE(scene.run().ok());
  EXPECT_EQ(static_cast<uint64_t>(scene.ticks), requests_of(scene.options, 0, 1));
  Scene stopped;
  const Meters meters{stopped.clock,
                      stopped.memory,
                      stopped.energy,
                      [](const std::filesystem::path&) { return false; },
                      {}};
  const auto measured =
      measure(stopped.subject, stopped.options, meters, [&] { return ++stopped.ticks < 5; });
  ASSERT_FALSE(measured.ok());
  EXPECT_EQ(measured.error().code, ErrorCode::interrupted);
  EXPECT_EQ(stopped.ticks, 5) << "a load, two more, two of warm-up";
}

}  // namespace
}  // namespace anemone::bench
