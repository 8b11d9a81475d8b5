#include "eval/evaluate_test.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

#include "eval/value.h"

namespace anemone::eval {
namespace {

using ::testing::HasSubstr;

TEST_F(EvaluateTest, S0_16_TasksOfOneRunScoreAsAlone) {
  options.tasks = {"colours", "pages"};
  auto model = model_of(1);
  const auto together = run(model);
  ASSERT_TRUE(together.ok()) << together.error().to_string();
  ASSERT_EQ(together->tasks.size(), 2u);
  EXPECT_EQ(model.sequences, 1);
  for (const TaskReport& task : together->tasks) {
    options.tasks = {task.name};
    auto fresh = model_of(1);
    const auto alone = run(fresh);
    ASSERT_TRUE(alone.ok());
    EXPECT_EQ(alone->tasks[0].samples, task.samples);
    for (size_t i = 0; i < task.scores.size(); ++i)
      EXPECT_EQ(alone->tasks[0].scores[i].value, task.scores[i].value);
  }
}

TEST_F(EvaluateTest, S0_49_OtherWeightsGiveOtherScores) {
  auto one = model_of(1);
  auto other = model_of(2);
  const auto first = run(one);
  const auto second = run(other);
  ASSERT_TRUE(first.ok() && second.ok());
  const Value a = Value::parse(first->tasks[0].samples[0]);
  const Value b = Value::parse(second->tasks[0].samples[0]);
  EXPECT_EQ(a["arguments"], b["arguments"]);
  EXPECT_NE(a["resps"], b["resps"]);
}

TEST_F(EvaluateTest, S0_61_TheSameRunTwiceGivesTheSameScores) {
  auto one = model_of(1);
  auto other = model_of(1);
  EXPECT_EQ(run(one)->tasks[0].samples, run(other)->tasks[0].samples);
}

TEST_F(EvaluateTest, SystemMessagesThatATemplateRefusesAreLeftOutAloud) {
  const auto source = test::source_folder() / "models/anemone-tiny";
  for (const char* file : {"tokenizer.json", "config.json"})
    if (const std::string bytes = folder.read(source / file); !bytes.empty())
      folder.write(std::string("strict/") + file, bytes);
  Value config = Value::parse(folder.read(source / "tokenizer_config.json"));
  config["chat_template"] =
      "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
      "{% for m in messages %}[{{ m.content }}]{% endfor %}";
  folder.write("strict/tokenizer_config.json", config.dump());
  tokenizer = *text::Tokenizer::load(folder.path() / "strict");
  options.apply_chat_template = true;
  auto model = model_of(1);
  ASSERT_TRUE(run(model).ok());
  EXPECT_EQ(words.find("left out"), std::string::npos);
  options.system_instruction = "Be brief.";
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_THAT(words, HasSubstr("the chat template refuses the conversation, so its system message "
                               "is left out: "));
  EXPECT_THAT(words, HasSubstr("no system here"));
  const Value sample = Value::parse(report->tasks[0].samples[0]);
  EXPECT_EQ(sample["arguments"]["gen_args_0"]["arg_0"].get<std::string>().find("brief"),
            std::string::npos);
}

TEST_F(EvaluateTest, S0_10_UsualTasksCanBeNamedAndRun) {
  folder.write("data/winogrande/validation.jsonl",
               R"({"sentence": "Ann thanked Bea because _ had helped.", "option1": "Ann", )"
               R"("option2": "Bea", "answer": "2"})"
               "\n");
  folder.write("data/openbookqa/test.jsonl",
               R"({"question_stem": "The sun is", "choices": {"text": ["a star", "a stone"], )"
               R"("label": ["A", "B"]}, "answerKey": "A"})"
               "\n");
  folder.write("data/piqa/validation.jsonl",
               R"({"goal": "Cool a drink.", "sol1": "Add ice.", "sol2": "Add salt.", "label": 0})"
               "\n");
  folder.write("data/super_glue/copa/validation.jsonl",
               R"({"premise": "It rained.", "question": "effect", "choice1": "The road got wet.", )"
               R"("choice2": "The sun rose.", "label": 0})"
               "\n");
  options.places.include_paths = {};
  options.places.data = folder.path() / "data";
  options.tasks = {"winogrande", "openbookqa", "piqa", "copa"};
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->tasks.size(), 4u);
  for (const TaskReport& task : report->tasks) {
    EXPECT_EQ(task.evaluated, 1) << task.name;
    EXPECT_TRUE(task.failed.empty()) << task.name;
    EXPECT_TRUE(task.scores.at(0).value.has_value()) << task.name;
  }
  const Value sample = Value::parse(report->tasks[0].samples[0]);
  EXPECT_EQ(sample["arguments"]["gen_args_1"]["arg_0"], "Ann thanked Bea because Bea");
  EXPECT_EQ(sample["arguments"]["gen_args_1"]["arg_1"], " had helped.");
}

TEST_F(EvaluateTest, RefusesWhatMakesNoSense) {
  auto model = model_of(1);
  options.limit = 1;
  options.samples = R"({"colours": [0]})";
  EXPECT_EQ(run(model).error().message, "limit and samples exclude each other");
  options.samples.clear();
  options.limit = std::nan("");
  EXPECT_EQ(run(model).error().message, "limit nan, expected a whole number or a share below 1");
  options.limit = -0.5;
  EXPECT_EQ(run(model).error().message, "limit -0.5, expected a whole number or a share below 1");
  options.limit = 1.5;
  EXPECT_EQ(run(model).error().message, "limit 1.5, expected a whole number or a share below 1");
  options.limit = 0;
  EXPECT_EQ(run(model).error().message, "limit 0: no document");
  options.limit.reset();
  options.samples = R"({"colors": [0]})";
  EXPECT_THAT(run(model).error().message, HasSubstr("'colors', which is not run"));
  options.samples = R"({"colours": [4]})";
  EXPECT_THAT(run(model).error().to_string(), HasSubstr("colours: sample 4 of 4 documents"));
  options.samples.clear();
  options.tasks = {"hellaswag"};
  options.places.data = folder.path() / "tasks";
  setenv("HF_HOME", folder.path().c_str(), 1);
  EXPECT_THAT(run(model).error().to_string(), HasSubstr("data set 'Rowan/hellaswag' is not in "));
  unsetenv("HF_HOME");
}

TEST_F(EvaluateTest, S0_2_S0_11_S0_22_ATextFileStandsBesideTasks) {
  folder.write("notes.txt", "It rained all day.");
  options.tasks = {"colours", (folder.path() / "notes.txt").string()};
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->tasks.size(), 2u);
  EXPECT_EQ(report->tasks[1].name, "notes.txt");
  EXPECT_GT(report->tasks[0].work.tokens_run, 0u);
  auto fresh = model_of(1);
  const auto measured = perplexity(fresh, tokenizer, "It rained all day.", {}, nullptr);
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(report->tasks[1].scores[0].metric, "word_perplexity");
  EXPECT_EQ(report->tasks[1].scores[0].value, measured->word_perplexity);
  folder.write("more/notes.txt", "Another text.");
  options.tasks.push_back((folder.path() / "more/notes.txt").string());
  EXPECT_EQ(run(model).error().code, ErrorCode::invalid_argument);
  options.tasks = {(folder.path() / "absent.txt").string()};
  EXPECT_EQ(run(model).error().code, ErrorCode::not_found);
}

TEST_F(EvaluateTest, WhatATaskFileReplacesIsSaid) {
  folder.write("tasks/arc.yaml", "task: arc_easy\ninclude: colours.yaml\n");
  options.tasks = {"arc_easy"};
  auto model = model_of(1);
  ASSERT_TRUE(run(model).ok());
  EXPECT_THAT(words, HasSubstr("arc.yaml, in place of built-in task arc_easy\n"));
}

TEST_F(EvaluateTest, AnEmptyTextHasNoPerplexity) {
  folder.write("empty.txt", "");
  options.tasks = {(folder.path() / "empty.txt").string()};
  auto model = model_of(1);
  EXPECT_THAT(run(model).error().to_string(), HasSubstr("empty.txt: the text is empty"));
}

TEST_F(EvaluateTest, TextsWithoutATokenAloneAreNoScore) {
  options.tasks = {"pages"};
  folder.write("tasks/pages.jsonl", "{\"page\": \"\"}\n{\"page\": \"\"}\n");
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->tasks[0].scores.size(), 3u);
  for (const Score& score : report->tasks[0].scores) EXPECT_FALSE(score.value) << score.metric;
  // Beside another it is one word of likelihood 1, as in the harness.
  folder.write("tasks/pages.jsonl", "{\"page\": \"\"}\n{\"page\": \"The end.\"}\n");
  const auto both = run(model);
  const auto alone = perplexity(model, tokenizer, "The end.", {}, nullptr);
  EXPECT_DOUBLE_EQ(both->tasks[0].scores[0].value.value(), std::exp(-alone->log_likelihood / 3));
}

TEST_F(EvaluateTest, AnUndefinedNameInATemplateIsNamedWithItsKeyAndTheColumns) {
  folder.write("tasks/colours.yaml",
               "task: colours\ndataset_path: json\n"
               "dataset_kwargs: {data_files: colours.jsonl}\ntest_split: train\n"
               "output_type: multiple_choice\ndoc_to_text: \"{{thng}} is\"\n"
               "doc_to_choice: [red, green, blue]\ndoc_to_target: colour\n");
  auto model = model_of(1);
  const Error error = run(model).error();
  EXPECT_THAT(error.to_string(), HasSubstr("row 1: doc_to_text '{{thng}} is': "));
  EXPECT_EQ(error.hint, "the row has thing, colour");
}

TEST_F(EvaluateTest, S0_48_PerplexityOfATextIsTheRollingLikelihood) {
  options.tasks = {"pages"};
  auto model = model_of(1);
  const auto report = run(model);
  const Value sample = Value::parse(report->tasks[0].samples[0]);
  auto fresh = model_of(1);
  const auto measured = perplexity(fresh, tokenizer, "It rained all day.", {}, nullptr);
  ASSERT_TRUE(measured.ok()) << measured.error().to_string();
  EXPECT_EQ(measured->log_likelihood, sample["word_perplexity"][0]);
  EXPECT_EQ(measured->words, 4u);
  EXPECT_EQ(measured->bytes, 18u);
  EXPECT_DOUBLE_EQ(measured->word_perplexity, std::exp(-measured->log_likelihood / 4));
  EXPECT_EQ(perplexity(fresh, tokenizer, "", {}, nullptr).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(perplexity(fresh, tokenizer, "x", {4, 5}, nullptr).error().code,
            ErrorCode::invalid_argument);
  const auto strided = perplexity(fresh, tokenizer, "It rained all day.", {4, 1}, nullptr);
  EXPECT_EQ(strided->tokens, measured->tokens);
  EXPECT_EQ(strided->windows, measured->tokens - 3);
}

TEST_F(EvaluateTest, S0_36_S0_52_SamplesOfARealModelDoNotTouch) {
  const auto open = [] {
    return *lm::LanguageModel::open(test::source_folder() / "models/anemone-tiny-anemll", {});
  };
  const LogSink silent = [](LogLevel, std::string_view) {};
  // Long contexts that share their first blocks, and differ behind them.
  std::string rows;
  for (const char* end : {"cold", "warm and dry", "cold and wet"})
    for (const int repeats : {1, 20, 70}) {
      std::string thing;
      for (int i = 0; i < repeats; ++i) thing += "The water in the river is ";
      rows += Value{{"thing", thing + end}, {"colour", 1}}.dump() + "\n";
    }
  folder.write("tasks/colours.jsonl", rows);
  const auto model = open();
  const auto together = evaluate(*model, tokenizer, options, nullptr, silent);
  ASSERT_TRUE(together.ok()) << together.error().to_string();
  for (size_t i = 0; i < together->tasks[0].samples.size(); ++i) {
    options.samples = "{\"colours\": [" + std::to_string(i) + "]}";
    const auto fresh = open();
    const auto alone = evaluate(*fresh, tokenizer, options, nullptr, silent);
    ASSERT_TRUE(alone.ok());
    EXPECT_EQ(alone->tasks[0].samples[0], together->tasks[0].samples[i]) << i;
  }
  EXPECT_LT(together->work.tokens_run, together->work.tokens_logits_cache);
}

}  // namespace
}  // namespace anemone::eval
