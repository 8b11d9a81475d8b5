#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "anemone/batch_policy.h"
#include "anemone/bench.h"
#include "anemone/convert.h"
#include "anemone/forecast.h"
#include "anemone/language_model.h"
#include "bench/quick_run.h"
#include "bench/sweep.h"
#include "support/scratch_folder.h"

namespace anemone::bench {
namespace {

TEST(Sweep, S2_6_S2_27_HasEveryCombinationInItsOrder) {
  Options options = quick();
  options.contexts = {128, 256};
  options.compute_units = {"cpu", "cpu-ane"};
  options.threads = {1, 0};
  Machine machine;
  machine.cores = 8;
  const auto sweep = make_sweep(options, machine);
  ASSERT_EQ(sweep.size(), 8U);
  EXPECT_EQ(sweep[0].id(), "context=128 prefill=own chunks=own units=cpu threads=1");
  EXPECT_EQ(sweep[1].threads, 8);
  EXPECT_EQ(sweep[2].outcome, Outcome::not_available);
  EXPECT_NE(sweep[2].reason.find("macOS"), std::string::npos);
  EXPECT_EQ(sweep[4].context_tokens, 256);
}

TEST(Sweep, RefusesWhatMakesNoSense) {
  const auto refused = [](const auto& change) {
    Options options = quick();
    change(options);
    const Status status = check_options(options);
    return !status.ok() && status.error().code == ErrorCode::invalid_argument;
  };
  EXPECT_TRUE(check_options(quick()).ok());
  EXPECT_TRUE(refused([](Options& o) { o.contexts = {}; }));
  EXPECT_TRUE(refused([](Options& o) { o.contexts = {1}; }));
  EXPECT_TRUE(refused([](Options& o) { o.contexts = {64, 64}; }));
  EXPECT_TRUE(refused([](Options& o) { o.chunks = {0}; }));
  EXPECT_TRUE(refused([](Options& o) { o.compute_units = {"npu"}; }));
  EXPECT_TRUE(refused([](Options& o) { o.repetitions = 0; }));
  EXPECT_TRUE(refused([](Options& o) { o.answer_tokens = 0; }));
  EXPECT_TRUE(refused([](Options& o) { o.confidence = 1; }));
  EXPECT_TRUE(refused([](Options& o) { o.quality = {"taste"}; }));
  EXPECT_TRUE(refused([](Options& o) { o.quantize = {"lut99"}; }));
  EXPECT_TRUE(refused([](Options& o) { o.chips = {"m4-max"}; }));
}

TEST(Sweep, EveryCoreAndTheirNumberAreTheSameThreads) {
  Options options = quick();
  options.threads = {0, 8};
  Machine machine;
  machine.cores = 8;
  const Status status = check_threads(options, machine);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
  machine.cores = 4;
  EXPECT_TRUE(check_threads(options, machine).ok());
}

TEST(Run, WhatIsToStandBesideTheMeasurementsIsTriedBeforeThem) {
  int requests = 0;
  const ProgressSink count = [&](const Progress&) {
    ++requests;
    return true;
  };
  Options options = quick();
  options.reference = "nowhere";
  auto report = run(kModels / "anemone-tiny-anemll", {}, options, count, kQuiet);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::not_found);
  options.reference.clear();
  options.quality = {"typos"};
  options.data = "nowhere";
  report = run(kModels / "anemone-tiny-anemll", {}, options, count, kQuiet);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().to_string().find("nowhere"), std::string::npos);
  options.quality.clear();
  options.power_log = "nolog";
  report = run(kModels / "anemone-tiny-anemll", {}, options, count, kQuiet);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::not_found);
  EXPECT_NE(report.error().to_string().find("nolog"), std::string::npos);
  const test::ScratchFolder folder;
  folder.write("power.txt", "8 watts\n");
  options.power_log = folder.path() / "power.txt";
  report = run(kModels / "anemone-tiny-anemll", {}, options, count, kQuiet);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().to_string().find("power.txt: neither a log of powermetrics"),
            std::string::npos)
      << report.error().to_string();
  EXPECT_EQ(requests, 0);
}

TEST(Run, AMeasurementOutlivesWhatFailsBesideIt) {
  const test::ScratchFolder folder;
  ConvertOptions conversion;
  conversion.context = 40;
  const auto small = folder.path() / "small";
  ASSERT_TRUE(convert(kModels / "anemone-tiny", small, conversion).ok());
  Options options = quick();
  options.contexts = {32, 64};
  options.reference = small;  // it holds the first answer and not the second
  std::vector<std::string> items;
  const ProgressSink note = [&](const Progress& progress) {
    if (items.empty() || items.back() != progress.item) items.emplace_back(progress.item);
    return true;
  };
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, note, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const Configuration& first = report->configurations[0];
  const Configuration& second = report->configurations[1];
  ASSERT_TRUE(first.measurement && second.measurement) << first.reason << second.reason;
  ASSERT_TRUE(first.measurement->outputs.reference);
  EXPECT_GT(first.measurement->outputs.reference->match_rate, 0.5);
  EXPECT_EQ(second.outcome, Outcome::measured);
  EXPECT_FALSE(second.measurement->outputs.reference);
  EXPECT_FALSE(second.measurement->outputs.reference_reason.empty());
  EXPECT_NE(to_markdown(*report).find(second.measurement->outputs.reference_reason),
            std::string::npos);
  // No peak has the reference's memory: it comes when all is measured.
  ASSERT_GE(items.size(), 3U);
  EXPECT_NE(items[items.size() - 2].find("context=32"), std::string::npos);
}

TEST(Run, AConfigurationOfASweepIsMeasuredTwiceInOppositeOrders) {
  Options options = quick();
  options.contexts = {24, 32, 40};
  options.stage_requests = 0;
  std::vector<std::string> items;
  uint64_t done = 0;
  uint64_t total = 0;
  const ProgressSink note = [&](const Progress& progress) {
    if (progress.stage != "bench") return true;
    if (items.empty() || items.back() != progress.item) items.emplace_back(progress.item);
    done = progress.done;
    total = progress.total;
    return true;
  };
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, note, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  std::vector<std::string> ids;
  for (const Configuration& one : report->configurations) ids.push_back(one.id());
  // The last one's visits follow each other.
  EXPECT_EQ(items, (std::vector{ids[0], ids[1], ids[2], ids[1], ids[0]}));
  EXPECT_EQ(done, total);
  for (const Configuration& one : report->configurations) {
    ASSERT_TRUE(one.is_measured()) << one.reason;
    ASSERT_EQ(one.measurement->visits.size(), 2U);
    EXPECT_EQ(one.measurement->visits[0].requests, 2U);
    EXPECT_EQ(one.measurement->visits[1].requests, 1U);
    EXPECT_EQ(one.measurement->request_ns.summary->n, 3U);
    EXPECT_EQ(one.measurement->first_token.cached_ns.summary->n, 3U);
    EXPECT_EQ(one.measurement->load.warm_ns.samples.size(), 1U);
  }
  options.contexts = {32};
  const auto alone = run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ(alone->configurations[0].measurement->visits.size(), 1U);
}

TEST(Run, AModelThatCannotBeOpenedIsOneErrorAndNoWarning) {
  const test::ScratchFolder folder;
  Options options = quick();
  options.contexts = {24, 32, 40};
  int warnings = 0;
  const LogSink count = [&](LogLevel level, std::string_view) {
    warnings += level == LogLevel::warning ? 1 : 0;
  };
  folder.write("empty.json", "");
  for (const auto& path : {folder.path(), folder.path() / "empty.json"}) {
    EXPECT_FALSE(run(path, {}, options, kGoOn, count).ok());
    EXPECT_EQ(warnings, 0) << path;
  }
  options.threads = {static_cast<int>(std::thread::hardware_concurrency()) + 1};
  EXPECT_TRUE(run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, count).ok());
  EXPECT_EQ(warnings, 1) << "more threads than cores";
}

TEST(Run, S2_19_S2_20_S2_21_ContextsOfAPackageAreFilled) {
  Options options = quick();
  options.contexts = {128, 256, 512, 4096};
  options.repetitions = 2;
  options.stage_requests = 0;
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->configurations.size(), 4U);
  for (size_t i = 0; i < 3; ++i) {
    const Configuration& one = report->configurations[i];
    ASSERT_TRUE(one.measurement) << one.reason;
    EXPECT_EQ(one.measurement->prompt_tokens + one.measurement->answer_tokens, one.context_tokens);
    EXPECT_EQ(one.prefill_block_tokens, 64);
    EXPECT_EQ(one.chunks, 1);
    EXPECT_GT(one.measurement->decode_tokens_per_second.summary->median, 0);
    EXPECT_TRUE(one.measurement->outputs.repeatable);
  }
  EXPECT_EQ(report->configurations[3].outcome, Outcome::not_available);
  EXPECT_NE(report->configurations[3].reason.find("holds 1024"), std::string::npos);
  EXPECT_EQ(report->scaling.size(), 2U);
  EXPECT_NE(report->best->id.find("context=512"), std::string::npos);
}

TEST(Run, S2_36_S2_37_S0_42_ACheckpointIsConvertedForBlocksAndChunks) {
  Options options = quick();
  options.contexts = {24, 32};
  options.prefill = {0, 16};
  options.chunks = {1, 2};
  options.repetitions = 2;
  std::vector<std::string> told;
  const LogSink keep = [&](LogLevel, std::string_view words) { told.emplace_back(words); };
  const auto report = run(kModels / "anemone-tiny", {}, options, kGoOn, keep);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->configurations.size(), 8U);
  lm::LanguageModel::Options of_checkpoint;
  of_checkpoint.context = 24;
  const auto checkpoint = lm::LanguageModel::open(kModels / "anemone-tiny", of_checkpoint);
  ASSERT_TRUE(checkpoint.ok());
  std::set<std::string> ids;
  std::map<int64_t, std::set<std::string>> answers;
  for (const Configuration& one : report->configurations) {
    ASSERT_TRUE(one.measurement) << one.id() << ": " << one.reason;
    EXPECT_TRUE(one.artifact->converted);
    EXPECT_EQ(one.artifact->checkpoint_hash, (*checkpoint)->info().hash);
    EXPECT_EQ(one.artifact->context_tokens, one.context_tokens);
    EXPECT_GT(one.measurement->decode_tokens_per_second.summary->median, 0);
    answers[one.context_tokens].insert(one.measurement->outputs.token_hash);
    ids.insert(one.id());
  }
  for (const auto& [context, answer] : answers) EXPECT_EQ(answer.size(), 1U) << context;
  EXPECT_EQ(ids.size(), 8U);
  EXPECT_EQ(report->configurations[0].prefill_block_tokens, 0);
  EXPECT_EQ(report->configurations[0].chunks, 1);
  EXPECT_EQ(report->configurations[7].prefill_block_tokens, 16);
  EXPECT_EQ(report->configurations[7].chunks, 2);
  EXPECT_EQ(std::ranges::count(told, "converting the checkpoint: context 24, prefill 0, chunks 1"),
            1);
  EXPECT_EQ(std::ranges::count(told, "converting the checkpoint: context 32, prefill 16, chunks 2"),
            1);
}

TEST(Run, ACheckpointIsTheSameModelInMemoryInEveryVisit) {
  Options options = quick();
  options.contexts = {24, 32};
  options.repetitions = 8;
  options.stage_requests = 0;
  options.batches = {1, 2};
  const auto report = run(kModels / "anemone-tiny", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  for (const Configuration& one : report->configurations) {
    ASSERT_TRUE(one.is_measured()) << one.reason;
    EXPECT_EQ(one.measurement->visits.size(), 4U);
    EXPECT_FALSE(one.artifact->converted);
    EXPECT_EQ(one.artifact->hash, report->model.hash);
    EXPECT_EQ(one.artifact->weight_bytes, report->model.weight_bytes);
    EXPECT_TRUE(one.measurement->outputs.repeatable);
  }
  const test::ScratchFolder folder;
  folder.write("batches.json", to_json(*report));
  const auto policy = read_batch_policy(
      folder.path() / "batches.json", Workload::offline,
      {.model_hash = report->model.hash, .threads = report->configurations[1].threads});
  EXPECT_TRUE(policy.ok()) << policy.error().to_string();
}

TEST(Run, S2_1_PlacementAndSpeedOfATypoCorrectorAreInOneReport) {
  Options options = quick();
  options.repetitions = 2;
  options.stage_requests = 0;
  options.chips = {"m4"};
  options.quality = {"typos"};
  const auto path = kModels / "anemone-tiny-anemll";
  const auto report = run(path, {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_NE(report->model.architecture.find("qwen"), std::string::npos);
  const Configuration& one = report->configurations[0];
  ASSERT_TRUE(one.measurement) << one.reason;
  EXPECT_GT(one.measurement->decode_tokens_per_second.summary->median, 0);
  EXPECT_GT(one.measurement->quality->typos->n, 0);
  // Where `check` would place it.
  const auto forecast = ane::forecast(path, {.chip = "m4", .prompt_tokens = 28});
  ASSERT_TRUE(forecast.ok());
  ASSERT_EQ(one.predicted.size(), 1U);
  EXPECT_EQ(one.predicted[0].residency, forecast->residency);
  EXPECT_GT(one.predicted[0].residency.value(), 0);
  EXPECT_EQ(one.predicted[0].tokens_per_second, forecast->decoding->tokens_per_second);
  const std::string table = to_markdown(*report);
  for (const char* part : {"## Speed", "residency", "## Quality", "Nothing in this table was"})
    EXPECT_NE(table.find(part), std::string::npos) << part;
}

TEST(Run, EveryNumberOfThreadsRunsWithThatMany) {
  const std::filesystem::path tasks = "/proc/self/task";
  if (!std::filesystem::exists(tasks)) GTEST_SKIP() << "threads are counted in /proc";
  Options options = quick();
  options.threads = {1, 3};
  options.stage_requests = 0;  // they have a model of their own
  std::map<std::string, std::ptrdiff_t> most;
  const ProgressSink count = [&](const Progress& progress) {
    const auto running = std::distance(std::filesystem::directory_iterator(tasks),
                                       std::filesystem::directory_iterator());
    if (progress.stage != "bench") return true;
    auto& seen = most[std::string(progress.item)];
    seen = std::max(seen, running);
    return true;
  };
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, count, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->configurations.size(), 2U);
  EXPECT_EQ(report->configurations[0].threads, 1);
  EXPECT_EQ(report->configurations[1].threads, 3);
  ASSERT_EQ(most.size(), 2U);
  EXPECT_EQ(most[report->configurations[1].id()], most[report->configurations[0].id()] + 2);
  EXPECT_EQ(report->configurations[0].measurement->outputs.token_hash,
            report->configurations[1].measurement->outputs.token_hash);
}

TEST(Run, OtherBlocksThanAPackageHasAreNotAvailable) {
  Options options = quick();
  options.prefill = {64, 32};
  const auto report = run(kModels / "anemone-tiny-anemll", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->configurations[0].outcome, Outcome::measured);
  EXPECT_EQ(report->configurations[1].outcome, Outcome::not_available);
  EXPECT_NE(report->configurations[1].reason.find("blocks have 64"), std::string::npos);
}

TEST(Run, AFolderOfVariantsGivesTheNextLongerOne) {
  const test::ScratchFolder folder;
  ConvertOptions conversion;
  conversion.layout = "plain";
  conversion.lengths = {32, 64};
  const auto made = convert(kModels / "anemone-tiny", folder.path() / "family", conversion);
  ASSERT_TRUE(made.ok()) << made.error().to_string();
  Options options = quick();
  options.contexts = {24, 64, 65};
  const auto report = run(folder.path() / "family", {}, options, kGoOn, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->configurations[0].artifact->context_tokens, 32);
  EXPECT_EQ(report->configurations[1].artifact->context_tokens, 64);
  EXPECT_EQ(report->configurations[0].artifact->name, "model_seq32");
  EXPECT_EQ(report->configurations[1].artifact->name, "model_seq64");
  EXPECT_EQ(report->configurations[2].outcome, Outcome::not_available);
  EXPECT_NE(report->configurations[2].reason.find("longest variant has 64"), std::string::npos);
}

TEST(Run, AModelThatIsNotThereIsAnError) {
  const auto report = run("nowhere", {}, quick(), kGoOn, kQuiet);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace anemone::bench
