#include "anemone/recorded_results.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const RecordedTask* find(const std::vector<RecordedTask>& tasks, std::string_view name) {
  for (const RecordedTask& task : tasks)
    if (task.name == name) return &task;
  return nullptr;
}

/// As mlx_lm.evaluate writes it: json.dumps(results["results"], indent=4).
constexpr std::string_view kMlx = R"({
    "arc_easy": {
        "alias": "arc_easy",
        "acc,none": 0.5,
        "acc_stderr,none": 0.05,
        "acc_norm,none": 0.25,
        "acc_norm_stderr,none": 0.04
    },
    "wikitext": {
        "alias": "wikitext",
        "word_perplexity,none": 21.5,
        "word_perplexity_stderr,none": "N/A"
    }
})";

TEST(RecordedResults, ReadsWhatMlxLmWrites) {
  const auto results =
      parse_results(kMlx, "out/eval_mlx-community_Qwen3-0.6B-4bit_0.4.11_02_arc_easy_wikitext");
  ASSERT_TRUE(results.ok()) << results.error().to_string();
  EXPECT_EQ(results->format, ResultsFormat::mlx_lm);
  EXPECT_EQ(results->model, "mlx-community_Qwen3-0.6B-4bit");
  EXPECT_EQ(results->harness_version, "0.4.11");
  ASSERT_THAT(results->tasks, SizeIs(2));
  const RecordedTask& arc = results->tasks[0];
  EXPECT_EQ(arc.name, "arc_easy");
  EXPECT_EQ(arc.shots, 2);
  EXPECT_FALSE(arc.samples.has_value());
  ASSERT_THAT(arc.scores, SizeIs(2));
  EXPECT_EQ(arc.scores[0].metric, "acc");
  EXPECT_EQ(arc.scores[0].filter, "none");
  EXPECT_EQ(arc.scores[0].value, 0.5);
  EXPECT_EQ(arc.scores[0].standard_error, 0.05);
  EXPECT_EQ(arc.scores[1].metric, "acc_norm");
  ASSERT_THAT(results->tasks[1].scores, SizeIs(1));
  EXPECT_EQ(results->tasks[1].scores[0].value, 21.5);
  EXPECT_FALSE(results->tasks[1].scores[0].standard_error.has_value());
}

TEST(RecordedResults, NamesOfMlxFilesMayLackShotsOrBeOthers) {
  const auto plain = parse_results(kMlx, "eval_model_v1.2.3_0.4.9.2_arc_easy_wikitext");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->model, "model_v1.2.3");
  EXPECT_EQ(plain->harness_version, "0.4.9.2");
  EXPECT_FALSE(plain->tasks[0].shots.has_value());
  for (const char* name : {"renamed.json", "eval_", "eval_x_arc", ""}) {
    const auto other = parse_results(kMlx, name);
    ASSERT_TRUE(other.ok()) << name;
    EXPECT_EQ(other->model, "") << name;
    EXPECT_THAT(other->tasks, SizeIs(2));
  }
}

TEST(RecordedResults, ReadsTheHarnessFiles) {
  ANEMONE_NEED_SHARED("fixtures/lm_eval");
  const fs::path folder = test::shared_folder() / "fixtures/lm_eval";
  const auto results = read_results(folder / "arc_easy/results.json");
  ASSERT_TRUE(results.ok()) << results.error().to_string();
  EXPECT_EQ(results->format, ResultsFormat::lm_eval);
  EXPECT_EQ(results->model, "anemone-tiny");
  EXPECT_EQ(results->harness_version, "0.4.13");
  EXPECT_EQ(results->numerics, "torch.float32");
  EXPECT_EQ(results->limit, 500);
  ASSERT_THAT(results->tasks, SizeIs(1));
  const RecordedTask& task = results->tasks[0];
  EXPECT_EQ(task.samples, 500);
  EXPECT_EQ(task.shots, 0);
  EXPECT_EQ(task.version, "1.0");
  EXPECT_THAT(task.hash, SizeIs(64));
  ASSERT_THAT(task.scores, SizeIs(2));
  EXPECT_EQ(task.scores[0].value, 0.278);
  EXPECT_EQ(task.scores[0].standard_error, 0.020055833888070904);
  EXPECT_EQ(task.scores[0].higher_is_better, true);

  const auto mmlu = read_results(folder / "mmlu/results.json");
  ASSERT_TRUE(mmlu.ok()) << mmlu.error().to_string();
  EXPECT_THAT(mmlu->tasks, SizeIs(57));
  EXPECT_THAT(mmlu->groups, SizeIs(5));
  const RecordedTask* stem = find(mmlu->groups, "mmlu_stem");
  ASSERT_NE(stem, nullptr);
  EXPECT_EQ(stem->alias, "stem");
  EXPECT_EQ(stem->samples, 152);
  EXPECT_EQ(stem->scores.at(0).value, 0.2565789473684211);
}

TEST(RecordedResults, EveryFixtureIsReadWithAllItsScores) {
  ANEMONE_NEED_SHARED("fixtures/lm_eval");
  const fs::path folder = test::shared_folder() / "fixtures/lm_eval";
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path file = entry.path() / "results.json";
    if (!fs::exists(file)) continue;
    ++files;
    const auto results = read_results(file);
    ASSERT_TRUE(results.ok()) << results.error().to_string();
    EXPECT_FALSE(results->tasks.empty());
    for (const RecordedTask& task : results->tasks) {
      EXPECT_TRUE(task.samples.has_value()) << file << task.name;
      EXPECT_FALSE(task.scores.empty());
      for (const Score& score : task.scores) EXPECT_TRUE(score.value.has_value()) << score.metric;
    }
  }
  EXPECT_GE(files, 20);
}

TEST(RecordedResults, ReadsSamples) {
  ANEMONE_NEED_SHARED("fixtures/lm_eval");
  const fs::path folder = test::shared_folder() / "fixtures/lm_eval";
  const auto samples = read_samples(folder / "arc_easy/samples_arc_easy.jsonl.gz");
  ASSERT_TRUE(samples.ok()) << samples.error().to_string();
  ASSERT_THAT(*samples, SizeIs(500));
  const RecordedSample& first = samples->front();
  EXPECT_EQ(first.document, 0);
  EXPECT_EQ(first.filter, "none");
  EXPECT_EQ(first.target, "0");
  EXPECT_THAT(first.document_hash, ::testing::StartsWith("b91fe1a8"));
  EXPECT_THAT(first.answers, ElementsAre("-50.27521896362305", "-67.96952819824219",
                                         "-54.30691146850586", "-50.78668975830078"));
  double sum = 0;
  for (const RecordedSample& sample : *samples) sum += sample.metrics.at("acc");
  EXPECT_DOUBLE_EQ(sum / 500, 0.278);
  const auto generated = read_samples(folder / "gsm8k/samples_gsm8k.jsonl.gz");
  ASSERT_TRUE(generated.ok()) << generated.error().to_string();
  EXPECT_EQ(generated->front().filter, "strict-match");
  EXPECT_THAT(generated->front().answers, ElementsAre("[invalid]"));
}

TEST(RecordedResults, OurOwnKeysAreRead) {
  const auto results = parse_results(
      R"({"results": {"t": {"alias": "t", "sample_len": 2, "acc,none": NaN, "acc_stderr,none": Infinity,
          "failed": 1}}, "model_name": "m", "config": {"limit": null},
          "total_evaluation_time_seconds": "12.5", "anemone": {"model_hash": "ab", "model": {"numerics": "fp16"}}})",
      "results.json");
  ASSERT_TRUE(results.ok()) << results.error().to_string();
  EXPECT_EQ(results->format, ResultsFormat::anemone);
  EXPECT_EQ(results->model_hash, "ab");
  EXPECT_EQ(results->numerics, "fp16");
  EXPECT_EQ(results->seconds, 12.5);
  EXPECT_FALSE(results->limit.has_value());
  EXPECT_EQ(results->tasks[0].failed, 1);
  EXPECT_FALSE(results->tasks[0].scores[0].value.has_value());
  EXPECT_FALSE(results->tasks[0].scores[0].standard_error.has_value());
}

TEST(RecordedResults, TheNewestFileOfAFolderIsRead) {
  const test::ScratchFolder folder;
  for (const char* time :
       {"2026-01-02T03-04-05.0", "2026-01-03T00-00-00.0", "2025-12-31T00-00-00.0"})
    folder.write(
        fmt::format("model/results_{}.json", time),
        fmt::format(R"({{"results": {{"t": {{"acc,none": 1}}}}, "model_name": "{}"}})", time));
  const auto results = read_results(folder.path());
  ASSERT_TRUE(results.ok()) << results.error().to_string();
  EXPECT_EQ(results->model, "2026-01-03T00-00-00.0");
  fs::remove_all(folder.path() / "model");
  const auto none = read_results(folder.path());
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
  EXPECT_THAT(none.error().message, HasSubstr("no results_*.json"));
  EXPECT_EQ(none.error().hint, "");
  folder.write("mlx/eval_model_0.4.11_t", "{}");
  EXPECT_THAT(read_results(folder.path()).error().hint, HasSubstr("mlx/eval_model_0.4.11_t"));
}

TEST(RecordedResults, AFolderWithResultsWithoutATimeIsRead) {
  const test::ScratchFolder folder;
  const std::string content = R"({"results": {"t": {"acc,none": 1}}, "model_name": ")";
  folder.write("run/results.json", content + "plain\"}");
  const auto plain = read_results(folder.path() / "run");
  ASSERT_TRUE(plain.ok()) << plain.error().to_string();
  EXPECT_EQ(plain->model, "plain");
  // Which of several is meant below a folder is not guessed.
  const auto above = read_results(folder.path());
  ASSERT_FALSE(above.ok());
  EXPECT_EQ(above.error().code, ErrorCode::not_found);
  EXPECT_THAT(above.error().hint, HasSubstr("run/results.json"));
  folder.write("run/model/results_2026-01-02T03-04-05.0.json", content + "timed\"}");
  EXPECT_EQ(read_results(folder.path() / "run")->model, "timed");
}

struct Hostile {
  const char* content;
  ErrorCode code;
  const char* message;
};

TEST(RecordedResults, HostileFilesAreErrorsThatNameTheKey) {
  const std::string deep(300, '[');
  const std::string nested = R"({"results": )" + deep;
  const std::vector<Hostile> cases = {
      {"", ErrorCode::corrupt, "not JSON"},
      {"{", ErrorCode::corrupt, "not JSON"},
      {"[1, 2]", ErrorCode::corrupt, "'results' is absent"},
      {"{}", ErrorCode::corrupt, "'results' is absent"},
      {R"({"results": 3})", ErrorCode::corrupt, "'results' is number"},
      {R"({"results": null})", ErrorCode::corrupt, "'results' is absent"},
      {R"({"a": {"b": 1}})", ErrorCode::corrupt, "'results' is absent"},
      {R"({"results": {"t": []}})", ErrorCode::corrupt, "'t': it is array, expected an object"},
      {R"({"results": {"t": {"acc,none": [1]}}})", ErrorCode::corrupt,
       "'t': 'acc,none' is array, expected a number"},
      {R"({"results": {}, "groups": 7})", ErrorCode::corrupt, "'groups' is number"},
      {nested.c_str(), ErrorCode::limit, "deep"},
  };
  for (const Hostile& item : cases) {
    const auto results = parse_results(item.content, "x.json");
    ASSERT_FALSE(results.ok()) << item.content;
    EXPECT_EQ(results.error().code, item.code) << item.content;
    EXPECT_THAT(results.error().to_string(), HasSubstr(item.message)) << item.content;
  }
}

TEST(RecordedResults, OddValuesBesideTheScoresAreLeftOut) {
  const auto results = parse_results(
      R"({"results": {"t": {"alias": 5, "sample_len": -1, ",": 1, "_stderr,": 2, "acc,": "n/a"}},
          "n-shot": [], "versions": {"t": {"x": 1}}, "higher_is_better": {"t": 3}, "config": "c",
          "n-samples": {"t": {"effective": 18446744073709551615}}, "anemone": [], "task_hashes": {"t": 9}})",
      "x.json");
  ASSERT_TRUE(results.ok()) << results.error().to_string();
  const RecordedTask& task = results->tasks.at(0);
  EXPECT_EQ(task.alias, "t");
  EXPECT_FALSE(task.samples.has_value());
  EXPECT_FALSE(task.shots.has_value());
  EXPECT_EQ(task.hash, "");
  EXPECT_THAT(task.scores, SizeIs(2));
}

TEST(RecordedResults, AbsentAndBrokenSamplesAreNamed) {
  const auto absent = read_samples("no/such/samples_t.jsonl");
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
  const test::ScratchFolder folder;
  folder.write("samples_t_now.jsonl",
               "{\"doc_id\": 1, \"metrics\": [\"acc\"], \"acc\": 1.0}\n"
               "{\"doc_id\": 2, \"metrics\": [3], \"acc\": 1.0}\n");
  const auto broken = read_samples(folder.path() / "samples_t_now.jsonl");
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(broken.error().to_string(),
              HasSubstr("row 2: 'metrics' holds number, expected names"));
}

}  // namespace
}  // namespace anemone::eval
