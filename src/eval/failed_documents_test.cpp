#include <gmock/gmock.h>

#include <limits>

#include "eval/evaluate_test.h"
#include "eval/value.h"

namespace anemone::eval {
namespace {

using ::testing::HasSubstr;

TEST_F(EvaluateTest, ADocumentWithoutChoicesIsCountedAndNamed) {
  for (const char* metrics : {"acc", "acc_norm", "acc_bytes", "acc_mutual_info"}) {
    folder.write("tasks/open.yaml",
                 "task: open\ndataset_path: json\ndataset_kwargs: {data_files: open.jsonl}\n"
                 "test_split: train\noutput_type: multiple_choice\ndoc_to_text: q\n"
                 "doc_to_choice: choices\ndoc_to_target: 0\nmetric_list: [{metric: " +
                     std::string(metrics) + "}]\n");
    folder.write("tasks/open.jsonl",
                 "{\"q\": \"Snow is\", \"choices\": []}\n"
                 "{\"q\": \"Snow is\", \"choices\": [\"white\", \"red\"]}\n");
    options.tasks = {"open"};
    auto model = model_of(1);
    const auto report = run(model);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    const TaskReport& task = report->tasks[0];
    ASSERT_EQ(task.failed.size(), 1u) << metrics;
    EXPECT_EQ(task.failed[0].document, 0);
    EXPECT_THAT(task.failed[0].message,
                HasSubstr("open.jsonl, row 1: the document has no choices"));
    EXPECT_EQ(task.evaluated, 1);
    EXPECT_TRUE(Value::parse(task.samples[0]).contains("error"));
    EXPECT_TRUE(Value::parse(task.samples[1]).contains(metrics));
  }
}

TEST_F(EvaluateTest, AnInfiniteLogLikelihoodIsCountedAndNamed) {
  const int32_t masked = tokenizer.encode(" green", false)->front();
  folder.write("tasks/colours.jsonl",
               "{\"thing\": \"Snow\", \"colour\": 0}\n{\"thing\": \"Grass\", \"colour\": 1}\n");
  folder.write("tasks/pages.jsonl", "{\"page\": \"The end.\"}\n{\"page\": \"All is green\"}\n");
  options.tasks = {"colours", "pages"};
  ScriptedModel model(kVocabulary, 256, 16, [masked](std::span<const int32_t> tokens) {
    auto logits = mixed_logits(tokens, kVocabulary, 1);
    logits[static_cast<size_t>(masked)] = -std::numeric_limits<float>::infinity();
    return logits;
  });
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  for (const TaskReport& task : report->tasks) {
    ASSERT_FALSE(task.failed.empty()) << task.name;
    EXPECT_THAT(task.failed.back().message, HasSubstr("no probability, its logit is -inf"));
    EXPECT_EQ(Value::parse(report->results)["results"][task.name]["failed"], task.failed.size());
  }
  EXPECT_EQ(report->tasks[1].failed[0].document, 1);
  EXPECT_EQ(report->tasks[1].evaluated, 1);
  EXPECT_FALSE(perplexity(model, tokenizer, "All is green", {}, nullptr).ok());
}

TEST_F(EvaluateTest, NoNumberWhenNothingCouldBeScored) {
  ScriptedModel model(kVocabulary, 256, 16, [](std::span<const int32_t>) {
    return std::vector<float>(kVocabulary, std::numeric_limits<float>::quiet_NaN());
  });
  const auto report = run(model);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->tasks[0].evaluated, 0);
  EXPECT_EQ(report->tasks[0].scores[0].value, std::nullopt);
  const Value results = Value::parse(report->results);
  EXPECT_TRUE(results["results"]["colours"]["acc,none"].is_null());
  EXPECT_EQ(results["results"]["colours"]["acc_stderr,none"], "N/A");
  EXPECT_THAT(report->table, HasSubstr("n/a"));
}

TEST_F(EvaluateTest, NoNumberThatNoDoubleHolds) {
  folder.write("tasks/pages.jsonl", "{\"page\": \"" + std::string(180, 'q') + "\"}\n");
  options.tasks = {"pages"};
  ScriptedModel model(kVocabulary, 256, 16, [](std::span<const int32_t>) {
    std::vector<float> logits(kVocabulary, 0.0f);
    logits[0] = 1000.0f;
    return logits;
  });
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->tasks[0].evaluated, 1);
  const Value results = Value::parse(report->results)["results"]["pages"];
  EXPECT_TRUE(results["word_perplexity,none"].is_null());
  EXPECT_EQ(results["word_perplexity_stderr,none"], "N/A");
  EXPECT_GT(results["bits_per_byte,none"].get<double>(), 0);
}

TEST_F(EvaluateTest, ADocumentThatCannotBeAskedOrScoredIsCountedAndNamed) {
  const std::string head =
      "\ndataset_path: json\ndataset_kwargs: {data_files: odd.jsonl}\ntest_split: train\n"
      "output_type: multiple_choice\ndoc_to_choice: [\"no\", \"yes\"]\ndoc_to_target: a\n";
  folder.write("tasks/odd.yaml", "task: odd" + head + "doc_to_text: \"{{q + '?'}}\"\n");
  folder.write(
      "tasks/odd.jsonl",
      "{\"q\": null, \"a\": 1}\n{\"q\": \"Is it\", \"a\": 7}\n{\"q\": \"Is it\", \"a\": 1}\n"
      "{\"q\": \"Is it\", \"a\": \"x\"}\n{\"q\": \"Is it\", \"a\": -1}\n"
      "{\"q\": \"Is it\", \"a\": \"no\"}\n");
  options.tasks = {"odd"};
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const TaskReport& task = report->tasks[0];
  ASSERT_EQ(task.failed.size(), 4u);
  EXPECT_THAT(task.failed[0].message, HasSubstr("odd.jsonl, row 1: "));
  EXPECT_THAT(task.failed[1].message,
              HasSubstr("odd.jsonl, row 2: the label 7 is none of the 2 choices: expected 0 to 1"));
  EXPECT_THAT(task.failed[2].message, HasSubstr("row 4: the label 'x' is none of"));
  EXPECT_THAT(task.failed[3].message, HasSubstr("row 5: the label -1 is none of"));
  EXPECT_EQ(task.evaluated, 2);

  // A fault of the task file is found before the model runs, also in the last task.
  folder.write("tasks/wrong.yaml", "task: wrong" + head + "doc_to_text: \"{{nothing + 1}}\"\n");
  options.tasks = {"colours", "wrong"};
  auto unused = model_of(1);
  const auto refused = run(unused);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().to_string(), HasSubstr("wrong"));
  EXPECT_TRUE(unused.calls.empty());
}

}  // namespace
}  // namespace anemone::eval
