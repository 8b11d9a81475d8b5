#include <gmock/gmock.h>

#include <iterator>

#include "eval/evaluate_test.h"
#include "eval/value.h"

namespace anemone::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(EvaluateTest, S0_25_ResultsHaveTheHarnessKeysInItsOrder) {
  options.num_fewshot = 1;
  options.limit = 0.5;
  options.gen_kwargs = "max_gen_toks=5,top_p=0.5,do_sample=False";
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const Value results = Value::parse(report->results);
  std::vector<std::string> keys;
  for (const auto& [key, value] : results.items()) keys.push_back(key);
  EXPECT_THAT(keys, ElementsAre("results", "group_subtasks", "configs", "versions", "n-shot",
                                "higher_is_better", "n-samples", "config", "git_hash", "date",
                                "pretty_env_info", "transformers_version", "lm_eval_version",
                                "upper_git_hash", "tokenizer_pad_token", "tokenizer_eos_token",
                                "tokenizer_bos_token", "eot_token_id", "max_length", "task_hashes",
                                "model_source", "model_name", "model_name_sanitized",
                                "system_instruction", "system_instruction_sha",
                                "fewshot_as_multiturn", "chat_template", "chat_template_sha",
                                "total_evaluation_time_seconds", "version", "failed", "anemone"));
  EXPECT_EQ(results["n-shot"]["colours"], 1);
  EXPECT_EQ(results["versions"]["colours"], 3);
  EXPECT_EQ(results["config"]["limit"], 0.5);
  EXPECT_EQ(results["config"]["gen_kwargs"],
            (Value{{"max_gen_toks", 5}, {"top_p", 0.5}, {"do_sample", false}}));
  EXPECT_EQ(results["tokenizer_bos_token"], Value::array({nullptr, "None"}));
  EXPECT_EQ(results["tokenizer_eos_token"], Value::array({"<|im_end|>", "2"}));
  EXPECT_EQ(results["anemone"]["model"]["numerics"], "fp16");
  EXPECT_EQ(results["anemone"]["model"]["backend"], "cpu");
  EXPECT_EQ(results["failed"], Value::object());
  EXPECT_EQ(results["lm_eval_version"], "0.4.13");
  EXPECT_THAT(report->table, HasSubstr("num_fewshot: 1, batch_size: 1\n|"));
}

TEST_F(EvaluateTest, GroupsStandBesideTheirTasks) {
  folder.write("tasks/more.yaml",
               "include: colours.yaml\ntask: more\ndoc_to_text: 'So {{thing}}'\n");
  folder.write("tasks/both.yaml",
               "group: both\ntask: [colours, more]\nmetadata: {version: 4}\n"
               "aggregate_metric_list: [{metric: acc, weight_by_size: true}]\n");
  options.tasks = {"both"};
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const Value results = Value::parse(report->results);
  EXPECT_EQ(std::next(results.items().begin()).key(), "groups");
  const Value& group = results["groups"]["both"];
  EXPECT_EQ(group["sample_len"], 8);
  const double colours = results["results"]["colours"]["acc,none"].get<double>();
  const double more = results["results"]["more"]["acc,none"].get<double>();
  EXPECT_EQ(group["acc,none"], (colours * 4 + more * 4) / 8);
  EXPECT_EQ(results["group_subtasks"], (Value{{"both", {"colours", "more"}}}));
  EXPECT_EQ(results["versions"]["both"], "4");
  EXPECT_THAT(report->table, HasSubstr("|Groups|"));
}

TEST_F(EvaluateTest, OnlyConfiguredMetricsAreAggregated) {
  const std::string head =
      "dataset_path: json\ndataset_kwargs: {data_files: fixes.jsonl}\ntest_split: train\n"
      "doc_to_text: source\ndoc_to_target: target\nprocess_results: !function "
      "typos.process_results\n"
      "generation_kwargs: {until: [\"\\n\"], max_gen_toks: 3}\n";
  folder.write("tasks/some.yaml", "task: some\n" + head + "metric_list: [{metric: exact_match}]\n");
  folder.write("tasks/mean.yaml",
               "task: mean\n" + head + "metric_list: [{metric: wer_before, aggregation: mean}]\n");
  folder.write("tasks/fixes.jsonl", "{\"source\": \"a b\", \"target\": \"a c\"}\n");
  options.tasks = {"some", "mean"};
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->tasks[0].scores.size(), 1u);
  EXPECT_EQ(report->tasks[0].scores[0].metric, "exact_match");
  EXPECT_TRUE(Value::parse(report->tasks[0].samples[0]).contains("wer_before"));
  ASSERT_EQ(report->tasks[1].failed.size(), 1u);
  EXPECT_THAT(report->tasks[1].failed[0].message,
              HasSubstr("the value of 'wer_before' is [1, 2], which mean does not take"));
}

TEST_F(EvaluateTest, OneReplicateHasNoStandardError) {
  folder.write("tasks/words.yaml",
               "task: words\ndataset_path: json\ndataset_kwargs: {data_files: colours.jsonl}\n"
               "test_split: train\noutput_type: loglikelihood\ndoc_to_text: thing\n"
               "doc_to_target: ' it is'\n");
  options.tasks = {"words"};
  for (const auto& [iterations, given] : {std::pair{1, false}, std::pair{2, true}}) {
    options.bootstrap_iterations = iterations;
    auto model = model_of(1);
    const auto report = run(model);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_EQ(report->tasks[0].scores[0].metric, "perplexity");
    EXPECT_EQ(report->tasks[0].scores[0].standard_error.has_value(), given);
    EXPECT_EQ(report->table.find("nan"), std::string::npos);
  }
}

}  // namespace
}  // namespace anemone::eval
