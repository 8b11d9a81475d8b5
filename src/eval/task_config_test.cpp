#include "eval/task_config.h"

#include <gtest/gtest.h>

#include "eval/python_format.h"
#include "eval/yaml.h"

namespace anemone::eval {
namespace {

constexpr const char* kBase =
    "task: t\ndataset_path: json\ndataset_kwargs: {data_files: x.jsonl}\ntest_split: train\n"
    "doc_to_text: q\ndoc_to_target: a\n";

std::string fault(const std::string& more, const TaskOverrides& overrides = {}) {
  const auto yaml = parse_yaml(kBase + more);
  if (!yaml.ok()) return yaml.error().to_string();
  const auto parsed = parse_task(*yaml, overrides);
  if (parsed.ok()) return "none";
  return std::string(to_string(parsed.error().code)) + ": " + parsed.error().message;
}

TaskConfig config(const std::string& more, const TaskOverrides& overrides = {}) {
  return parse_task(*parse_yaml(kBase + more), overrides)->config;
}

TEST(TaskConfig, DefaultsAreTheHarnessOnes) {
  const TaskConfig task = config("");
  EXPECT_EQ(task.output_type, OutputType::generate_until);
  EXPECT_EQ(python::dumps(task.generation_kwargs),
            R"({"temperature": 0.0, "do_sample": false, "max_gen_toks": 256, "until": ["\n\n"]})");
  ASSERT_EQ(task.metrics.size(), 1u);
  EXPECT_EQ(task.metrics[0].name, "exact_match");
  EXPECT_EQ(task.version, "Yaml");
  EXPECT_EQ(config("output_type: multiple_choice\ndoc_to_choice: [a, b]\n").metrics.size(), 2u);
}

TEST(TaskConfig, NamesWhatItCannotDo) {
  EXPECT_EQ(fault("clas: x\n"), "invalid_argument: unknown key 'clas' of a task");
  EXPECT_EQ(fault("class: x\n"), "unsupported: key 'class' of a task");
  EXPECT_EQ(fault("doc_to_image: x\n"), "unsupported: key 'doc_to_image' of a task");
  EXPECT_EQ(fault("unsafe_code: true\n"),
            "unsupported: unsafe_code: tasks that run the model's code");
  EXPECT_EQ(fault("process_docs: !function utils.f\n"),
            "unsupported: process_docs: !function utils.f is Python code");
  EXPECT_EQ(fault("process_results: {a: 1}\n"),
            "invalid_argument: process_results: {'a': 1}, expected a !function");
  EXPECT_EQ(fault("process_results: {}\n"),
            "invalid_argument: process_results: {}, expected a !function");
  EXPECT_EQ(fault("process_docs: !function typos.process_results\n"),
            "invalid_argument: process_docs: !function process_results makes no documents");
  EXPECT_EQ(fault("filter_list: [{name: x, filter: [{function: custom}]}]\n"),
            "unsupported: filter_list: function 'custom'");
  EXPECT_EQ(fault("filter_list: [{name: x, filter: [{function: regex}]}]\n"),
            "unsupported: filter_list: pipeline 'x' leaves no single text to score");
  EXPECT_EQ(fault("metric_list: [{metric: bleu}]\n"), "unsupported: metric_list: metric 'bleu'");
  EXPECT_EQ(fault("metric_list: [{metric: acc_norm}]\n"),
            "unsupported: metric_list: metric 'acc_norm' of generate_until");
  EXPECT_EQ(fault("metric_list: [{metric: exact_match, aggregation: f1}]\n"),
            "unsupported: aggregation 'f1' of metric 'exact_match'");
  EXPECT_EQ(fault("fewshot_config: {sampler: balanced}\n"),
            "unsupported: fewshot_config: sampler 'balanced'");
  EXPECT_EQ(fault("dataset_kwargs: {split: x}\n"), "unsupported: dataset_kwargs: key 'split'");
}

TEST(TaskConfig, NamesWhatIsWrong) {
  EXPECT_EQ(fault("output_type: choice\n"),
            "invalid_argument: output_type: 'choice', expected loglikelihood, multiple_choice, "
            "loglikelihood_rolling or generate_until");
  EXPECT_EQ(fault("output_type: multiple_choice\n"),
            "invalid_argument: multiple_choice without doc_to_choice");
  EXPECT_EQ(fault("num_fewshot: -1\n"), "invalid_argument: num_fewshot: -1, expected a number");
  EXPECT_EQ(fault("test_split: null\n"),
            "invalid_argument: neither test_split nor validation_split is given");
  EXPECT_EQ(fault("description: [a]\n"), "invalid_argument: description: ['a'], expected text");
}

TEST(TaskConfig, ExamplesInTheFileAreDicts) {
  EXPECT_EQ(fault("fewshot_config: {samples: [{q: x, a: y}]}\n"), "none");
  EXPECT_EQ(fault("fewshot_config: {samples: []}\n"), "none");
  EXPECT_EQ(fault("fewshot_config: {samples: [{q: x, a: y}, q]}\n"),
            "invalid_argument: fewshot_config: samples: 'q', expected a dict of columns");
  EXPECT_EQ(fault("fewshot_config: {samples: [[q, a]]}\n"),
            "invalid_argument: fewshot_config: samples: ['q', 'a'], expected a dict of columns");
  EXPECT_EQ(fault("fewshot_config: {samples: {q: x}}\n"),
            "invalid_argument: fewshot_config: samples: {'q': 'x'}, expected a list of dicts");
}

TEST(TaskConfig, ShotsOfZeroInTheFileStay) {
  TaskOverrides five;
  five.num_fewshot = 5;
  EXPECT_EQ(config("", five).num_fewshot, 5);
  EXPECT_EQ(config("num_fewshot: 2\n", five).num_fewshot, 5);
  EXPECT_EQ(config("num_fewshot: 0\n", five).num_fewshot, 0);
}

TEST(TaskConfig, CommandLineChangesGenerationKwargs) {
  TaskOverrides overrides;
  overrides.generation_kwargs = {{"max_gen_toks", 9}};
  EXPECT_EQ(
      python::dumps(
          config("generation_kwargs: {until: x, max_gen_toks: 3}\n", overrides).generation_kwargs),
      R"({"until": "x", "max_gen_toks": 9})");
}

TEST(TaskConfig, ExamplesInheritWhatTheyLeaveOpen) {
  const TaskConfig task = config(
      "fewshot_split: dev\nfewshot_delimiter: '--'\nfewshot_config: {sampler: first_n, "
      "doc_to_target: b, target_delimiter: '='}\n");
  EXPECT_EQ(task.fewshot.sampler, "first_n");
  EXPECT_EQ(task.fewshot.split, "dev");
  EXPECT_EQ(task.fewshot.doc_to_text.spec, "q");
  EXPECT_EQ(task.fewshot.doc_to_target.spec, "b");
  EXPECT_EQ(task.fewshot.fewshot_delimiter, "--");
  EXPECT_EQ(task.fewshot.target_delimiter, "=");
  EXPECT_EQ(task.target_delimiter, " ");
}

TEST(TaskConfig, RepeatsAreBounded) {
  Value file = {{"task", "t"},        {"dataset_path", "d"},  {"test_split", "test"},
                {"doc_to_text", "q"}, {"doc_to_target", "a"}, {"repeats", 64}};
  EXPECT_TRUE(parse_task(file, {}).ok());
  file["repeats"] = int64_t{1} << 40;
  EXPECT_EQ(parse_task(file, {}).error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace anemone::eval
