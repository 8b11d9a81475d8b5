#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "anemone/evaluate.h"
#include "eval/python_format.h"
#include "eval/scripted_model.h"
#include "eval/store/answer_questions.h"
#include "eval/store/answer_store.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int64_t kVocabulary = 4096;  // of the embedded model's tokenizer

constexpr const char* kColours =
    "task: colours\ndataset_path: json\ndataset_kwargs: {data_files: colours.jsonl}\n"
    "test_split: train\noutput_type: multiple_choice\ndoc_to_text: \"{{thing}} is\"\n"
    "doc_to_choice: [red, green, blue]\ndoc_to_target: 1\nfewshot_split: train\n";
constexpr const char* kAnswers =
    "task: answers\ndataset_path: json\ndataset_kwargs: {data_files: colours.jsonl}\n"
    "test_split: train\noutput_type: generate_until\ndoc_to_text: \"{{thing}} is\"\n"
    "doc_to_target: green\ngeneration_kwargs: {until: ['x'], max_gen_toks: 6}\n"
    "metric_list: [{metric: exact_match}]\n";
constexpr const char* kPages =
    "task: pages\ndataset_path: json\ndataset_kwargs: {data_files: pages.jsonl}\n"
    "test_split: train\noutput_type: loglikelihood_rolling\ndoc_to_text: ''\ndoc_to_target: page\n";
constexpr const char* kWords =
    "task: words\ndataset_path: json\ndataset_kwargs: {data_files: colours.jsonl}\n"
    "test_split: train\noutput_type: loglikelihood\ndoc_to_text: \"{{thing}}\"\n"
    "doc_to_target: ' is'\n";
constexpr const char* kAll =
    "group: all\ntask: [colours, words]\naggregate_metric_list: [{metric: acc}]\n";

class DurabilityTest : public testing::Test {
 protected:
  DurabilityTest()
      : tokenizer(*text::Tokenizer::load(test::source_folder() / "models/anemone-tiny")) {
    folder.write("tasks/colours.yaml", kColours);
    folder.write("tasks/answers.yaml", kAnswers);
    folder.write("tasks/pages.yaml", kPages);
    folder.write("tasks/words.yaml", kWords);
    folder.write("tasks/all.yaml", kAll);
    std::string rows;
    for (const char* thing : {"Grass", "Blood", "The sky", "A leaf", "Snow", "The night", "Coal"})
      rows += "{\"thing\": \"" + std::string(thing) + "\"}\n";
    folder.write("tasks/colours.jsonl", rows);
    folder.write(
        "tasks/pages.jsonl",
        "{\"page\": \"It rained all day.\"}\n{\"page\": \"The end.\"}\n{\"page\": \"\"}\n");
    options.places.include_paths = {folder.path() / "tasks"};
    options.tasks = {"all", "answers", "pages"};
    options.num_fewshot = 2;
    options.bootstrap_iterations = 200;
    options.log_samples = true;
    options.answers = folder.path() / "out/scripted/responses.sqlite";
  }

  static ScriptedModel model_of(uint64_t seed, const char* hash = "0") {
    ScriptedModel model(kVocabulary, 256, 16, [seed](std::span<const int32_t> tokens) {
      return mixed_logits(tokens, kVocabulary, seed);
    });
    model.mutable_info().hash = hash;
    return model;
  }

  Result<Report> run(ScriptedModel& model) {
    return evaluate(
        model, tokenizer, options, progress,
        [this](LogLevel, std::string_view message) { words += std::string(message) + "\n"; });
  }
  Report finished(ScriptedModel& model) {
    auto report = run(model);
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return report.ok() ? std::move(report).value() : Report{};
  }

  /// Results and samples without times and work.
  static std::string settled(const Report& report) {
    Value results = Value::parse(report.results);
    for (const char* key : {"date", "total_evaluation_time_seconds"}) results.erase(key);
    for (const char* key : {"work", "tasks"}) results["anemone"].erase(key);
    std::string text = python::dumps(results, 2);
    for (const TaskReport& task : report.tasks)
      for (const std::string& sample : task.samples) text += "\n" + sample;
    return text;
  }

  /// Stops the model after so many tokens.
  ProgressSink stopping_after(uint64_t tokens) {
    return
        [tokens](const Progress& told) { return told.stage != "evaluate" || told.done < tokens; };
  }

  test::ScratchFolder folder;
  text::Tokenizer tokenizer;
  Options options;
  ProgressSink progress;
  std::string words;
};

TEST_F(DurabilityTest, S0_23_AnInterruptedRunResumesAndEndsWithTheSameTotals) {
  auto undisturbed = model_of(1);
  const Report whole = finished(undisturbed);
  const uint64_t tokens = whole.work.tokens_run;
  ASSERT_GT(tokens, 100U);
  EXPECT_EQ(whole.work.stored_answers, 0U);
  for (const uint64_t stop : {uint64_t{1}, tokens / 3, tokens / 2, tokens * 9 / 10}) {
    fs::remove_all(folder.path() / "out");
    options.resume = false;
    progress = stopping_after(stop);
    auto first = model_of(1);
    const auto stopped = run(first);
    if (stopped.ok())
      EXPECT_NE(stopped->interrupted, "") << stop;
    else
      EXPECT_EQ(stopped.error().code, ErrorCode::interrupted) << stop;

    options.resume = true;
    progress = nullptr;
    auto second = model_of(1);
    const Report resumed = finished(second);
    EXPECT_EQ(settled(resumed), settled(whole)) << stop;
    if (stop == 1) continue;
    EXPECT_GT(resumed.work.stored_answers, 0U) << stop;
    EXPECT_LT(resumed.work.tokens_run, tokens) << stop;
  }
  // Nothing is left to ask.
  auto idle = model_of(1);
  const Report again = finished(idle);
  EXPECT_EQ(settled(again), settled(whole));
  EXPECT_EQ(again.work.tokens_run, 0U);
  EXPECT_TRUE(idle.calls.empty());
}

TEST_F(DurabilityTest, WithoutResumeTheModelIsAskedAnew) {
  auto one = model_of(1);
  finished(one);
  auto other = model_of(2);  // it says that it is the same model
  const Report fresh = finished(other);
  EXPECT_EQ(fresh.work.stored_answers, 0U);
  // Its answers took the place of the others.
  options.resume = true;
  auto idle = model_of(1);
  EXPECT_EQ(settled(finished(idle)), settled(fresh));
  EXPECT_TRUE(idle.calls.empty());
}

TEST_F(DurabilityTest, AnotherModelDoesNotAnswer) {
  auto one = model_of(1, "one");
  finished(one);
  options.resume = true;
  auto other = model_of(2, "other");
  const Report resumed = finished(other);
  EXPECT_EQ(resumed.work.stored_answers, 0U);
  EXPECT_THAT(words, HasSubstr("0 answers of this model, "));
  options.answers.clear();
  options.resume = false;
  auto plain = model_of(2, "other");
  EXPECT_EQ(settled(resumed), settled(finished(plain)));
}

TEST_F(DurabilityTest, S0_23_AFailedRequestIsAskedOnceMore) {
  options.tasks = {"colours"};
  options.num_fewshot = 0;
  auto sound = model_of(1);
  const Report expected = finished(sound);
  for (const ErrorCode code : {ErrorCode::io, ErrorCode::mismatch, ErrorCode::out_of_range}) {
    auto model = model_of(1);
    model.failing_token = tokenizer.encode("Blood is", false)->front();
    model.failing_code = code;
    model.failures_left = 1;
    words.clear();
    const Report report = finished(model);
    EXPECT_EQ(settled(report), settled(expected)) << to_string(code);
    EXPECT_THAT(words, HasSubstr("the model failed on 1 question, which was asked once more"));
  }
  // The second time counts.
  fs::remove_all(folder.path() / "out");
  auto model = model_of(1);
  model.failing_token = tokenizer.encode("Blood is", false)->front();
  const Report report = finished(model);
  ASSERT_EQ(report.tasks[0].failed.size(), 1U);
  EXPECT_EQ(report.tasks[0].failed[0].document, 1);
  EXPECT_EQ(report.tasks[0].evaluated, 6);
  // A failure is no answer: the next run asks again.
  options.resume = true;
  auto mended = model_of(1);
  const Report resumed = finished(mended);
  EXPECT_EQ(settled(resumed), settled(expected));
  EXPECT_EQ(resumed.work.stored_answers, 18U);
}

TEST_F(DurabilityTest, S1_22_ABusyModelIsAskedAgainAfterAPauseFromACleanState) {
  options.tasks = {"colours"};
  options.num_fewshot = 0;
  const auto beginnings = [](const ScriptedModel& model) {
    return std::ranges::count(model.calls, size_t{0}, &std::pair<size_t, size_t>::first);
  };
  for (const char* samples : {R"({"colours": [1]})", R"({"colours": [0, 1]})"}) {
    options.samples = samples;
    auto sound = model_of(1);
    const Report expected = finished(sound);
    auto model = model_of(1);
    model.failing_token = tokenizer.encode("Blood is", false)->back();
    model.failing_code = ErrorCode::io;
    model.failures_left = 1;
    const auto begin = std::chrono::steady_clock::now();
    const Report report = finished(model);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, kRetryPause);
    EXPECT_EQ(settled(report), settled(expected));
    EXPECT_GT(beginnings(model), beginnings(sound)) << "what was in the model is not gone on with";
  }
}

/// What the numbers of an answer hang on is in its scope.
TEST_F(DurabilityTest, AnotherWayToScoreIsAnotherScope) {
  lm::ModelInfo info = model_of(1).info();
  const std::string scope = answer_scope(info, tokenizer);
  EXPECT_EQ(answer_scope(info, tokenizer), scope);
  info.score_block_tokens += 64;
  EXPECT_NE(answer_scope(info, tokenizer), scope);
}

TEST_F(DurabilityTest, WhatIsWrongWithTheQuestionIsNotAskedAgain) {
  options.tasks = {"colours"};
  options.num_fewshot = 0;
  auto model = model_of(1);
  model.failing_token = tokenizer.encode("Blood is", false)->front();
  model.failing_code = ErrorCode::unsupported;
  model.failures_left = 1;
  EXPECT_EQ(finished(model).tasks[0].failed.size(), 1U);
  EXPECT_THAT(words, testing::Not(HasSubstr("once more")));
  EXPECT_TRUE(is_transient(ErrorCode::io));
  EXPECT_FALSE(is_transient(ErrorCode::limit));
  EXPECT_FALSE(is_transient(ErrorCode::interrupted));
}

TEST_F(DurabilityTest, ShardsMergeToTheRunInOnePiece) {
  options.answers.clear();
  auto model = model_of(1);
  model.failing_token = tokenizer.encode("Blood is", false)->front();
  const Report whole = finished(model);
  ASSERT_FALSE(whole.tasks[0].failed.empty());
  ASSERT_THAT(whole.results, HasSubstr("\"groups\""));
  for (const bool samples : {true, false}) {
    options.log_samples = samples;
    options.shard.reset();
    const Report expected = finished(model);
    for (const int64_t count : {1, 2, 3, 9}) {
      std::vector<fs::path> parts;
      for (int64_t index = 1; index <= count; ++index) {
        options.shard = {index, count};
        auto part_model = model_of(1);
        part_model.failing_token = model.failing_token;
        const fs::path part = folder.path() / std::to_string(count) / std::to_string(index);
        const auto files = write_report(finished(part_model), part);
        ASSERT_TRUE(files.ok()) << files.error().to_string();
        parts.push_back(part);
      }
      const auto merged = merge_shards(parts, [](LogLevel, std::string_view) {});
      ASSERT_TRUE(merged.ok()) << merged.error().to_string();
      EXPECT_EQ(settled(*merged), settled(expected)) << count;
      EXPECT_EQ(merged->table, expected.table) << count;
    }
  }
}

TEST_F(DurabilityTest, AnInterruptedShardLeavesNothingToMerge) {
  options.shard = {1, 2};
  options.tasks = {"colours", "pages"};
  bool stop = false;
  progress = [&](const Progress& told) {
    stop = stop || told.item == "pages";
    return told.stage != "evaluate" || !stop;
  };
  auto model = model_of(1);
  const auto report = run(model);
  if (report.ok()) {
    EXPECT_EQ(report->interrupted, "pages");
    EXPECT_TRUE(report->shard_lines.empty());
  }
}

TEST_F(DurabilityTest, AWrongShardIsRefused) {
  options.shard = {3, 2};
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().to_string(), HasSubstr("shards are counted from 1 to 2"));
}

TEST_F(DurabilityTest, AStoreThatCannotBeReadEndsTheRunBeforeTheModelIsAsked) {
  folder.write("out/scripted/responses.sqlite", std::string(4096, '?'));
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::corrupt);
  EXPECT_THAT(report.error().to_string(), HasSubstr("responses.sqlite"));
  EXPECT_TRUE(model.calls.empty());
}

/// Files may not grow past a bound while it lives, as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit bound{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &bound);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(DurabilityTest, AFullDiskLosesNothingThatWasKept) {
  auto undisturbed = model_of(1);
  const Report whole = finished(undisturbed);
  fs::remove_all(folder.path() / "out");
  options.tasks = {"colours"};
  auto first = model_of(1);
  finished(first);  // 21 answers
  options.tasks = {"all", "answers", "pages"};
  {
    const FullDisk full(2 * 1024);
    auto model = model_of(1);
    const auto report = run(model);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::io);
    EXPECT_THAT(report.error().to_string(), HasSubstr("responses.sqlite: "));
  }
  options.resume = true;
  auto model = model_of(1);
  const Report resumed = finished(model);
  EXPECT_EQ(settled(resumed), settled(whole));
  EXPECT_GE(resumed.work.stored_answers, 21U);
}

}  // namespace
}  // namespace anemone::eval
