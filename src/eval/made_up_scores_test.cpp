#include <gmock/gmock.h>

#include <filesystem>
#include <limits>

#include "eval/evaluate_test.h"
#include "eval/value.h"

// What makes a score that no model gave impossible, for each kind of task. tests/cli/made_up.txt
// does the same with the real model, whose weights are changed or missing.
namespace anemone::eval {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kDocuments = 24;
constexpr int64_t kOdd = 7;  // the document whose text no other shares

struct Kind {
  const char* name;
  const char* fields;
  const char* metric;
};

const Kind kKinds[] = {
    {"choices",
     "output_type: multiple_choice\ndoc_to_text: \"{{thing}} is\"\n"
     "doc_to_choice: [red, green, blue]\ndoc_to_target: colour\n",
     "acc"},
    {"words", "output_type: loglikelihood\ndoc_to_text: thing\ndoc_to_target: ' it is'\n",
     "perplexity"},
    {"pages", "output_type: loglikelihood_rolling\ndoc_to_text: ''\ndoc_to_target: thing\n",
     "word_perplexity"},
    {"answers",
     "output_type: generate_until\ndoc_to_text: \"{{thing}} is\"\ndoc_to_target: answer\n"
     "generation_kwargs: {until: [\"\\n\"], max_gen_toks: 3}\n"
     "metric_list: [{metric: exact_match}]\n",
     "exact_match"},
};

std::string name_of(const ::testing::TestParamInfo<Kind>& info) { return info.param.name; }

struct MadeUpScores : EvaluateTest {
  MadeUpScores() { options.bootstrap_iterations = 10; }

  void write_task(const Kind& kind, const std::vector<std::string>& answers = {}) {
    const std::string name = kind.name;
    folder.write("tasks/" + name + ".yaml",
                 "task: " + name + "\ndataset_path: json\ndataset_kwargs: {data_files: " + name +
                     ".jsonl}\ntest_split: train\n" + kind.fields);
    std::string rows;
    for (int64_t i = 0; i < kDocuments; ++i) {
      const Value row = {{"thing", i == kOdd ? "Blood" : "Grass of year " + std::to_string(i)},
                         {"colour", i % 3},
                         {"answer", answers.empty() ? "?" : answers[static_cast<size_t>(i)]}};
      rows += row.dump() + "\n";
    }
    folder.write("tasks/" + name + ".jsonl", rows);
    options.tasks = {name};
  }

  /// A task whose generated answers are right for model_of(1).
  void write_answerable(const Kind& kind) {
    write_task(kind);
    if (kind.name != std::string("answers")) return;
    auto model = model_of(1);
    std::vector<std::string> answers;
    const auto report = run(model);  // outlives the loop over its lines
    for (const std::string& line : report->tasks[0].samples)
      answers.push_back(Value::parse(line)["filtered_resps"][0]);
    write_task(kind, answers);
  }

  static Value scores_of(const Report& report, const std::string& task) {
    return Value::parse(report.results)["results"][task];
  }
};

struct MadeUpScoresOfAKind : MadeUpScores, ::testing::WithParamInterface<Kind> {};

TEST_P(MadeUpScoresOfAKind, S0_49_OtherWeightsGiveOtherScores) {
  write_answerable(GetParam());
  auto one = model_of(1);
  auto other = model_of(2);
  const auto first = run(one);
  const auto second = run(other);
  ASSERT_TRUE(first.ok() && second.ok());
  for (size_t i = 0; i < kDocuments; ++i) {
    const Value a = Value::parse(first->tasks[0].samples[i]);
    const Value b = Value::parse(second->tasks[0].samples[i]);
    EXPECT_EQ(a["prompt_hash"], b["prompt_hash"]);
    EXPECT_NE(a["resps"], b["resps"]) << i;
  }
  const Score& score = first->tasks[0].scores[0];
  EXPECT_EQ(score.metric, GetParam().metric);
  ASSERT_TRUE(score.value && second->tasks[0].scores[0].value);
  EXPECT_NE(*score.value, *second->tasks[0].scores[0].value);
}

TEST_P(MadeUpScoresOfAKind, AModelThatGivesNoNumbersHasNoScore) {
  write_task(GetParam());
  ScriptedModel model(kVocabulary, 256, 16, [](std::span<const int32_t>) {
    return std::vector<float>(kVocabulary, std::numeric_limits<float>::quiet_NaN());
  });
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const TaskReport& task = report->tasks[0];
  EXPECT_EQ(task.evaluated, 0);
  EXPECT_EQ(task.failed.size(), static_cast<size_t>(kDocuments));
  EXPECT_THAT(task.failed[0].message, HasSubstr("is not a number"));
  ASSERT_FALSE(task.scores.empty());
  for (const Score& score : task.scores) {
    EXPECT_EQ(score.value, std::nullopt) << score.metric;
    EXPECT_EQ(score.standard_error, std::nullopt) << score.metric;
  }
  EXPECT_TRUE(scores_of(*report, task.name)[std::string(GetParam().metric) + ",none"].is_null());
  EXPECT_THAT(report->table, HasSubstr("n/a"));
}

TEST_P(MadeUpScoresOfAKind, AFailedDocumentIsCountedNamedAndLeftOut) {
  write_answerable(GetParam());
  auto model = model_of(1);
  model.failing_token = tokenizer.encode("Blood is", false)->front();
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const TaskReport& task = report->tasks[0];
  ASSERT_EQ(task.failed.size(), 1u);
  EXPECT_EQ(task.failed[0].document, kOdd);
  EXPECT_THAT(task.failed[0].message, HasSubstr("fails"));
  EXPECT_EQ(task.evaluated, kDocuments - 1);
  ASSERT_EQ(task.samples.size(), static_cast<size_t>(kDocuments));
  const Value sample = Value::parse(task.samples[kOdd]);
  EXPECT_TRUE(sample.contains("error"));
  EXPECT_FALSE(sample.contains(GetParam().metric));
  const Value results = Value::parse(report->results);
  EXPECT_EQ(results["results"][task.name]["failed"], 1);
  EXPECT_EQ(results["results"][task.name]["sample_len"], kDocuments - 1);
  EXPECT_EQ(results["n-samples"][task.name],
            (Value{{"original", kDocuments}, {"effective", kDocuments - 1}}));
  EXPECT_EQ(results["failed"][task.name][0]["doc_id"], kOdd);

  Value others = Value::array();
  for (int64_t i = 0; i < kDocuments; ++i)
    if (i != kOdd) others.push_back(i);
  options.samples = Value{{task.name, others}}.dump();
  auto sound = model_of(1);
  const auto alone = run(sound);
  ASSERT_TRUE(alone.ok()) << alone.error().to_string();
  ASSERT_TRUE(alone->tasks[0].scores[0].value.has_value());
  EXPECT_EQ(alone->tasks[0].scores[0].value, task.scores[0].value);
}

TEST_P(MadeUpScoresOfAKind, ALimitSaysOverHowMany) {
  write_answerable(GetParam());
  options.limit = 5;
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const TaskReport& task = report->tasks[0];
  EXPECT_EQ(task.documents, kDocuments);
  EXPECT_EQ(task.evaluated, 5);
  const Value results = Value::parse(report->results);
  EXPECT_EQ(results["n-samples"][task.name], (Value{{"original", kDocuments}, {"effective", 5}}));
  EXPECT_EQ(results["results"][task.name]["sample_len"], 5);
  EXPECT_EQ(results["config"]["limit"], 5);
  EXPECT_THAT(report->table, HasSubstr("limit: 5"));
}

TEST_P(MadeUpScoresOfAKind, TruncatedRowsAreAnErrorAndNoSmallerScore) {
  write_task(GetParam());
  const auto path = folder.path() / "tasks" / (std::string(GetParam().name) + ".jsonl");
  const std::string rows = folder.read(path);
  folder.write("tasks/" + path.filename().string(), rows.substr(0, rows.size() - 20));
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().to_string(), HasSubstr(path.filename().string()));
  EXPECT_TRUE(model.calls.empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, MadeUpScoresOfAKind, ::testing::ValuesIn(kKinds), name_of);

struct MadeUpGroupScores : MadeUpScores {
  MadeUpGroupScores() {
    write_task(kKinds[0]);
    folder.write("tasks/more.yaml",
                 "include: choices.yaml\ntask: more\ndoc_to_text: 'So {{thing}}'\n");
    folder.write("tasks/both.yaml",
                 "group: both\ntask: [choices, more]\n"
                 "aggregate_metric_list: [{metric: acc, weight_by_size: true}]\n");
    options.tasks = {"both"};
  }
};

TEST_F(MadeUpGroupScores, S0_49_OtherWeightsGiveOtherScores) {
  auto one = model_of(1);
  auto other = model_of(2);
  const Value a = scores_of(*run(one), "both");
  const Value b = scores_of(*run(other), "both");
  EXPECT_EQ(a["sample_len"], 2 * kDocuments);
  EXPECT_NE(a["acc,none"], b["acc,none"]);
}

TEST_F(MadeUpGroupScores, AreOverTheDocumentsWithAScore) {
  auto model = model_of(1);
  model.failing_token = tokenizer.encode("Blood is", false)->front();
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  double sum = 0;
  int64_t documents = 0;
  for (const TaskReport& task : report->tasks) {
    sum += *task.scores[0].value * static_cast<double>(task.evaluated);
    documents += task.evaluated;
  }
  EXPECT_LT(documents, 2 * kDocuments);
  const Value group = scores_of(*report, "both");
  EXPECT_EQ(group["sample_len"], documents);
  EXPECT_EQ(group["sample_count"]["acc,none"], documents);
  EXPECT_DOUBLE_EQ(group["acc,none"].get<double>(), sum / static_cast<double>(documents));
}

TEST_F(MadeUpGroupScores, HaveNoValueWhereATaskHasNone) {
  auto model = model_of(1);
  model.failing_token = tokenizer.encode("So Blood", false)->front();
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->tasks[0].evaluated, kDocuments);
  EXPECT_EQ(report->tasks[1].evaluated, 0);
  const Value group = scores_of(*report, "both");
  EXPECT_TRUE(group["acc,none"].is_null());
  EXPECT_EQ(group["acc_stderr,none"], "N/A");
  EXPECT_EQ(group["sample_len"], kDocuments);
}

TEST_F(MadeUpGroupScores, ALimitSaysOverHowMany) {
  options.limit = 5;
  auto model = model_of(1);
  const Value group = scores_of(*run(model), "both");
  EXPECT_EQ(group["sample_len"], 10);
  EXPECT_EQ(group["sample_count"]["acc,none"], 10);
}

TEST_F(MadeUpScores, TruncatedColumnsAreAnErrorAndNoSmallerScore) {
  const auto golden = test::source_folder() / "tests/golden/rows";
  const std::pair<const char*, size_t> kCuts[] = {
      {"questions.parquet", 4000}, {"sample.arrow", 8000}, {"sample.arrow", 3992}};
  for (const auto& [file, size] : kCuts) {
    const std::string whole = folder.read(golden / file);
    ASSERT_GT(whole.size(), size);
    folder.write("data/cut/test" + std::filesystem::path(file).extension().string(),
                 whole.substr(0, size));
    folder.write("tasks/cut.yaml",
                 "task: cut\ndataset_path: org/cut\ntest_split: test\n"
                 "output_type: multiple_choice\ndoc_to_text: question\n"
                 "doc_to_choice: [a, b]\ndoc_to_target: 0\n");
    options.places.data = folder.path() / "data";
    options.tasks = {"cut"};
    auto model = model_of(1);
    const auto report = run(model);
    ASSERT_FALSE(report.ok()) << file;
    EXPECT_THAT(report.error().to_string(), HasSubstr("data/cut/test")) << file;
    EXPECT_TRUE(model.calls.empty());
    std::filesystem::remove_all(folder.path() / "data");
  }
}

}  // namespace
}  // namespace anemone::eval
