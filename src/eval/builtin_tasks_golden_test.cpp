// Our task files against those of lm-evaluation-harness 0.4.13.

#include <memory>

#include "eval/catalogue.h"
#include "eval/fewshot.h"
#include "eval/golden_test.h"
#include "eval/groups.h"
#include "eval/python_format.h"
#include "eval/requests.h"
#include "eval/rows.h"
#include "eval/templates.h"
#include "support/scratch_folder.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

Catalogue catalogue_of(const std::vector<fs::path>& folders) {
  auto catalogue = Catalogue::build(folders, [](LogLevel, std::string_view) {});
  EXPECT_TRUE(catalogue.ok()) << catalogue.error().to_string();
  return *std::move(catalogue);
}

/// A task with its requests for the first documents.
struct Built {
  std::unique_ptr<Task> task;
  Value requests = Value::array();
};

Result<Built> build_task(const std::string& name, const Catalogue& catalogue, const fs::path& data,
                         bool builtin, std::optional<int64_t> num_fewshot = {}) {
  ANEMONE_TRY(const auto entries, catalogue.select(std::vector<std::string>{name}));
  EXPECT_EQ(entries[0].builtin, builtin) << name;
  ANEMONE_TRY(const ParsedTask parsed, parse_task(entries[0].config, {}));
  DataPlaces places;
  places.data = data;
  ANEMONE_TRY(Task opened, Task::open(entries[0], parsed, places, task_templates()));
  Built built{std::make_unique<Task>(std::move(opened)), Value::array()};
  const Task& task = *built.task;
  ANEMONE_TRY(const auto ids, select_documents({.limit = 40}, task.documents().size()));
  ANEMONE_TRY(auto sampler,
              FewshotSampler::create(
                  task, num_fewshot.value_or(task.config().num_fewshot.value_or(0)), 1234));
  ANEMONE_TRY(const auto documents, build_requests(task, ids, sampler, {}));
  for (const DocumentRequests& document : documents) {
    if (document.error) return *document.error;
    for (const Request& request : document.requests)
      built.requests.push_back(request.arguments(task.config().output_type));
  }
  return built;
}

/// Our files ask what the harness' files of the same names ask, and score by the same metrics.
struct BuiltInTasks : ::testing::Test {
  static constexpr const char* kTheirs = "fixtures/lm_eval/tasks";
  void expect_same(const std::string& name, const fs::path& data) const;

  const Catalogue ours_ = catalogue_of({});
  const Catalogue theirs_ = fs::exists(test::shared_folder() / kTheirs)
                                ? catalogue_of({test::shared_folder() / kTheirs})
                                : catalogue_of({});
};

void BuiltInTasks::expect_same(const std::string& name, const fs::path& data) const {
  const auto ours = build_task(name, ours_, data, true);
  const auto theirs = build_task(name, theirs_, data, false);
  ASSERT_TRUE(ours.ok()) << name << ": " << ours.error().to_string();
  ASSERT_TRUE(theirs.ok()) << name << ": " << theirs.error().to_string();
  ASSERT_FALSE(ours->requests.empty());
  EXPECT_EQ(python::dumps(ours->requests), python::dumps(theirs->requests)) << name;
  const auto summary = [](const TaskConfig& config) {
    Value metrics = Value::object();
    for (const MetricConfig& metric : config.metrics)
      metrics[metric.name] = {metric.aggregation.name, metric.higher_is_better, metric.options};
    return python::dumps({config.alias, config.version, config.num_fewshot.value_or(0), metrics});
  };
  EXPECT_EQ(summary(ours->task->config()), summary(theirs->task->config()));
  const auto part = [](const Built& built, const char* key) {
    return python::dumps(built.task->record().value(key, Value()));
  };
  for (const char* key : {"filter_list", "output_type", "generation_kwargs", "repeats",
                          "process_results", "test_split", "validation_split", "training_split",
                          "fewshot_split", "fewshot_delimiter", "target_delimiter"})
    EXPECT_EQ(part(*ours, key), part(*theirs, key)) << name;
  for (const char* key : {"sampler", "split", "fewshot_indices", "samples"}) {
    const auto of_config = [key](const Built& built) {
      const Value config = built.task->record().value("fewshot_config", Value());
      return python::dumps(config.is_object() ? config.value(key, Value()) : Value());
    };
    EXPECT_EQ(of_config(*ours), of_config(*theirs)) << name << " " << key;
  }
}

TEST_F(BuiltInTasks, AskWhatTheHarnessAsks) {
  ANEMONE_NEED_SHARED("fixtures/lm_eval/tasks");
  ANEMONE_NEED_SHARED("data/benchmarks/piqa");
  for (const char* name :
       {"arc_easy", "arc_challenge", "boolq", "hellaswag", "piqa", "winogrande", "openbookqa",
        "copa", "rte", "commonsense_qa", "social_iqa", "lambada_openai", "truthfulqa_mc1",
        "truthfulqa_mc2", "gsm8k", "nq_open", "wikitext", "ifeval"})
    expect_same(name, test::shared_folder() / "data/benchmarks");
}

TEST_F(BuiltInTasks, DrawTheExamplesOfTheHarness) {
  ANEMONE_NEED_SHARED("fixtures/lm_eval/tasks");
  ANEMONE_NEED_SHARED("data/benchmarks/piqa");
  // Those whose rows of examples are in the benchmark data.
  for (const char* name : {"arc_easy", "arc_challenge", "winogrande", "openbookqa",
                           "lambada_openai", "gsm8k", "mmlu_anatomy"}) {
    const fs::path data = test::shared_folder() / "data/benchmarks";
    const auto ours = build_task(name, ours_, data, true, 3);
    const auto theirs = build_task(name, theirs_, data, false, 3);
    ASSERT_TRUE(ours.ok()) << name << ": " << ours.error().to_string();
    ASSERT_TRUE(theirs.ok()) << name << ": " << theirs.error().to_string();
    EXPECT_EQ(python::dumps(ours->requests), python::dumps(theirs->requests)) << name;
  }
}

TEST_F(BuiltInTasks, AskTheSubjectsOfMmluAsTheHarnessDoes) {
  NEED_GOLDEN("mmlu", "mmlu");
  const Value results = Value::parse(read_file(golden_folder() / "mmlu/results.json"));
  for (const auto& [name, config] : results["configs"].items())
    expect_same(name, test::shared_folder() / "data/benchmarks");
}

TEST_F(BuiltInTasks, AskSciqAsTheHarnessDoes) {
  ANEMONE_NEED_SHARED("fixtures/lm_eval/tasks");
  const test::ScratchFolder folder;
  folder.write(
      "sciq/test.jsonl",
      R"({"question": "Why?", "distractor3": "c", "distractor1": "a", "distractor2": "b", )"
      R"("correct_answer": "d", "support": " \n Because."})"
      "\n");
  expect_same("sciq", folder.path());
}

TEST_F(BuiltInTasks, GroupMmluAsTheHarnessDoes) {
  ANEMONE_NEED_SHARED("fixtures/lm_eval/tasks");
  const auto shape = [](const Catalogue& catalogue) {
    const auto selected =
        expand_groups(catalogue, *catalogue.select(std::vector<std::string>{"mmlu"}));
    Value out = Value::array();
    for (const TaskGroup& group : selected->groups)
      out.push_back({group.name, group.alias, group.version, group.children, group.tasks,
                     group.metrics.at(0).metric, group.metrics.at(0).weight_by_size});
    return python::dumps(out);
  };
  EXPECT_EQ(shape(ours_), shape(theirs_));
}

}  // namespace
}  // namespace anemone::eval
