#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "eval/evaluate_test.h"
#include "eval/value.h"

namespace anemone::eval {
namespace {

using ::testing::HasSubstr;

TEST_F(EvaluateTest, S0_65_RowsComeFromTheCachesOfHuggingFace) {
  const auto golden = test::source_folder() / "tests/golden/rows";
  std::ifstream parquet(golden / "sample.parquet", std::ios::binary);
  std::ifstream arrow(golden / "sample.arrow", std::ios::binary);
  folder.write("hf/hub/datasets--org--first/refs/main", "c0ffee");
  folder.write("hf/hub/datasets--org--first/snapshots/c0ffee/data/test-00000-of-00001.parquet",
               std::string(std::istreambuf_iterator<char>(parquet), {}));
  folder.write("hf/datasets/org___second/default/0.0.0/abc/second-test.arrow",
               std::string(std::istreambuf_iterator<char>(arrow), {}));
  for (const char* name : {"first", "second"})
    folder.write("tasks/" + std::string(name) + ".yaml",
                 "task: " + std::string(name) + "\ndataset_path: org/" + name +
                     "\ntest_split: test\noutput_type: multiple_choice\n"
                     "doc_to_text: \"{{question}}\"\ndoc_to_choice: [a, b]\ndoc_to_target: 0\n");
  setenv("HF_HOME", (folder.path() / "hf").c_str(), 1);
  options.tasks = {"first", "second"};
  const auto run_with_count = [&](int count) {
    folder.write("hf/datasets/org___second/default/0.0.0/abc/dataset_info.json",
                 Value{{"splits", {{"test", {{"num_examples", count}}}}}}.dump());
    auto model = model_of(1);
    return run(model);
  };
  const auto report = run_with_count(40);
  const auto other = run_with_count(41);
  unsetenv("HF_HOME");
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().to_string(),
              HasSubstr("split 'test' has 40 rows, its dataset_info.json says 41"));
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->tasks[0].documents, 40);
  EXPECT_EQ(report->tasks[0].samples, report->tasks[1].samples);
  const Value doc = Value::parse(report->tasks[0].samples[0])["doc"];
  EXPECT_EQ(doc["question"], "Frage 0: \"café\" 😀\n\\?");
  EXPECT_EQ(doc["score"], 0.0);
}

TEST_F(EvaluateTest, S0_65_ParquetRowsScoreAsTheSameJsonLines) {
  const auto golden = test::source_folder() / "tests/golden/rows";
  const std::string snapshot = "hf/hub/datasets--org--hub/snapshots/c0ffee/";
  folder.write("data/lines/test.jsonl", folder.read(golden / "questions.jsonl"));
  folder.write("data/columns/test.parquet", folder.read(golden / "questions.parquet"));
  folder.write(snapshot + "data/test-00000-of-00001.parquet",
               folder.read(golden / "questions.parquet"));
  folder.write(snapshot + "../../refs/main", "c0ffee");
  const std::string endings =
      "\noutput_type: multiple_choice\ndoc_to_text: ctx\ndoc_to_choice: endings\n"
      "doc_to_target: \"{{label}}\"\n";
  const std::string choices =
      "\noutput_type: multiple_choice\ndoc_to_text: \"{{question}} ({{source.name if source else "
      "'nobody'}})\"\n"
      "doc_to_choice: \"{{choices.text}}\"\n"
      "doc_to_target: \"{{choices.label.index(answerKey)}}\"\nfewshot_split: test\n";
  options.tasks.clear();
  for (const char* set : {"lines", "columns", "hub"})
    for (const auto& [kind, fields] : {std::pair{"endings", endings}, std::pair{"arc", choices}}) {
      const std::string name = std::string(kind) + "_" + set;
      folder.write("tasks/" + name + ".yaml",
                   "task: " + name + "\ndataset_path: org/" + set + "\ntest_split: test" + fields);
      options.tasks.push_back(name);
    }
  options.places.data = folder.path() / "data";
  options.num_fewshot = 2;
  setenv("HF_HOME", (folder.path() / "hf").c_str(), 1);
  auto model = model_of(1);
  const auto report = run(model);
  unsetenv("HF_HOME");
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->tasks.size(), 6u);
  EXPECT_THAT(report->tasks[0].data, HasSubstr("data/lines"));
  EXPECT_THAT(report->tasks[2].data, HasSubstr("data/columns"));
  EXPECT_THAT(report->tasks[4].data, HasSubstr("snapshots/c0ffee"));
  for (size_t kind : {0u, 1u}) {
    ASSERT_EQ(report->tasks[kind].samples.size(), 12u);
    EXPECT_TRUE(report->tasks[kind].failed.empty());
    EXPECT_EQ(report->tasks[kind].samples, report->tasks[kind + 2].samples);
    EXPECT_EQ(report->tasks[kind].samples, report->tasks[kind + 4].samples);
  }
  const Value sample = Value::parse(report->tasks[3].samples[2]);
  EXPECT_EQ(sample["doc"]["choices"]["text"], (Value{"rain", "snow", "fog", "sun"}));
  EXPECT_EQ(sample["resps"].size(), 4u);
}

TEST_F(EvaluateTest, ListsTasksWithTheirData) {
  TaskPlaces places = options.places;
  folder.write("tasks/python.yaml", "task: odd\nclass: !function a.B\n");
  const auto tasks = list_tasks(places, [](LogLevel, std::string_view) {});
  ASSERT_TRUE(tasks.ok());
  const auto find = [&](const std::string& name) {
    return *std::find_if(tasks->begin(), tasks->end(),
                         [&](const TaskInfo& task) { return task.name == name; });
  };
  EXPECT_THAT(find("colours").data_origin, HasSubstr("colours.jsonl"));
  EXPECT_EQ(find("typos").data_origin, "built-in typos.jsonl");
  EXPECT_EQ(find("typos").kind, "generate_until");
  EXPECT_EQ(find("arc_easy").dataset, "allenai/ai2_arc (ARC-Easy)");
  EXPECT_EQ(find("odd").unsupported, "a Python class");
}

}  // namespace
}  // namespace anemone::eval
