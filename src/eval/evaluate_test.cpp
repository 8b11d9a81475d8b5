#include "anemone/evaluate.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <set>

#include "eval/results.h"
#include "eval/scripted_model.h"
#include "eval/value.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr int64_t kVocabulary = 4096;  // of the embedded model's tokenizer

constexpr const char* kColours =
    "task: colours\ndataset_path: json\ndataset_kwargs: {data_files: colours.jsonl}\n"
    "test_split: train\noutput_type: multiple_choice\ndoc_to_text: \"{{thing}} is\"\n"
    "doc_to_choice: [red, green, blue]\ndoc_to_target: colour\nmetadata: {version: 3}\n";
constexpr const char* kColourRows =
    "{\"thing\": \"Grass\", \"colour\": \"green\"}\n{\"thing\": \"Blood\", \"colour\": \"red\"}\n"
    "{\"thing\": \"The sky\", \"colour\": 2}\n{\"thing\": \"A leaf\", \"colour\": 1}\n";
constexpr const char* kPages =
    "task: pages\ndataset_path: json\ndataset_kwargs: {data_files: pages.jsonl}\n"
    "test_split: train\noutput_type: loglikelihood_rolling\ndoc_to_text: ''\ndoc_to_target: page\n";

struct EvaluateTest : ::testing::Test {
  EvaluateTest()
      : tokenizer(*text::Tokenizer::load(test::source_folder() / "models/anemone-tiny")) {
    folder.write("tasks/colours.yaml", kColours);
    folder.write("tasks/colours.jsonl", kColourRows);
    folder.write("tasks/pages.yaml", kPages);
    folder.write("tasks/pages.jsonl",
                 "{\"page\": \"It rained all day.\"}\n{\"page\": \"The end.\"}\n");
    options.places.include_paths = {folder.path() / "tasks"};
    options.tasks = {"colours"};
    options.log_samples = true;
  }

  static ScriptedModel model_of(uint64_t seed) {
    return ScriptedModel(kVocabulary, 256, 16, [seed](std::span<const int32_t> tokens) {
      return mixed_logits(tokens, kVocabulary, seed);
    });
  }

  Result<Report> run(ScriptedModel& model) {
    return evaluate(
        model, tokenizer, options, progress,
        [this](LogLevel, std::string_view message) { words += std::string(message) + "\n"; });
  }

  test::ScratchFolder folder;
  text::Tokenizer tokenizer;
  Options options;
  ProgressSink progress;
  std::string words;
};

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

TEST_F(EvaluateTest, AFailedSampleIsCountedAndNamed) {
  auto model = model_of(1);
  model.failing_token = tokenizer.encode("Blood is", false)->front();
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const TaskReport& task = report->tasks[0];
  ASSERT_EQ(task.failed.size(), 1u);
  EXPECT_EQ(task.failed[0].document, 1);
  EXPECT_THAT(task.failed[0].message, HasSubstr("fails"));
  EXPECT_EQ(task.evaluated, 3);
  const Value results = Value::parse(report->results);
  EXPECT_EQ(results["results"]["colours"]["failed"], 1);
  EXPECT_EQ(results["results"]["colours"]["sample_len"], 3);
  EXPECT_EQ(results["n-samples"]["colours"], (Value{{"original", 4}, {"effective", 3}}));
  EXPECT_EQ(results["failed"]["colours"][0]["doc_id"], 1);
  const Value sample = Value::parse(task.samples[1]);
  EXPECT_TRUE(sample.contains("error"));
  EXPECT_FALSE(sample.contains("acc"));
  EXPECT_EQ(task.samples.size(), 4u);

  // The others score as they do alone.
  options.samples = R"({"colours": [0, 2, 3]})";
  auto sound = model_of(1);
  EXPECT_EQ(run(sound)->tasks[0].scores[0].value, task.scores[0].value);
}

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

TEST_F(EvaluateTest, InterruptionGivesNoReport) {
  progress = [](const Progress& step) { return step.done < 6; };
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::interrupted);
  EXPECT_EQ(report.error().to_string(), "colours: interrupted after 8 of 15 tokens");
}

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
  EXPECT_EQ(results["failed"], Value::object());
  EXPECT_EQ(results["lm_eval_version"], "0.4.13");
  EXPECT_THAT(report->table, HasSubstr("num_fewshot: 1, batch_size: 1\n|"));
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

TEST_F(EvaluateTest, S0_43_FilesHaveTheHarnessNamesAndReadBack) {
  auto model = model_of(1);
  model.mutable_info().name = "my/model";
  auto report = run(model);
  ASSERT_TRUE(report.ok());
  const auto files = write_report(*report, folder.path() / "out");
  ASSERT_TRUE(files.ok()) << files.error().to_string();
  const std::string stamp = "[0-9]+-[0-9]+-[0-9]+T[0-9]+-[0-9]+-[0-9]+\\.[0-9]+";
  ASSERT_EQ(files->size(), 2u);
  EXPECT_THAT(files->at(0).string(), MatchesRegex(".*/out/my__model/results_" + stamp + "\\.json"));
  EXPECT_THAT(files->at(1).string(),
              MatchesRegex(".*/out/my__model/samples_colours_" + stamp + "\\.jsonl"));
  EXPECT_EQ(folder.read(files->at(0)), report->results);
  // What the harness' reader makes of the file is what was printed.
  const Value read = Value::parse(folder.read(files->at(0)));
  EXPECT_EQ(format_report(read, std::nullopt), report->table);
  const std::string lines = folder.read(files->at(1));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);
  EXPECT_EQ(lines.substr(0, lines.find('\n')), report->tasks[0].samples[0]);

  const auto named = write_report(*report, folder.path() / "deep/name.json");
  EXPECT_THAT(named->at(0).string(), MatchesRegex(".*/deep/name_" + stamp + "\\.json"));
  EXPECT_THAT(named->at(1).string(), MatchesRegex(".*/deep/samples_colours_.*"));
}

TEST_F(EvaluateTest, RefusesWhatMakesNoSense) {
  auto model = model_of(1);
  options.limit = 1;
  options.samples = R"({"colours": [0]})";
  EXPECT_EQ(run(model).error().message, "limit and samples exclude each other");
  options.samples.clear();
  options.limit = std::nan("");
  EXPECT_EQ(run(model).error().message, "limit nan, expected a count or a share below 1");
  options.limit = -0.5;
  EXPECT_EQ(run(model).error().message, "limit -0.5, expected a count or a share below 1");
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

/// Counts from their definitions, over sets of token sequences.
struct NaiveCounts {
  std::set<std::vector<int32_t>> prefixes;
  std::set<std::vector<int32_t>> inputs;
  uint64_t alone = 0;

  void add(std::vector<int32_t> input) {
    alone += input.size();
    inputs.insert(input);
    for (; !input.empty(); input.pop_back()) prefixes.insert(input);
  }
};

TEST_F(EvaluateTest, S0_37_TokensAreThoseOfANaiveTree) {
  // A choice that another one begins with, documents that begin alike, one question twice.
  folder.write("tasks/colours.yaml",
               "task: colours\ndataset_path: json\ndataset_kwargs: {data_files: colours.jsonl}\n"
               "test_split: train\noutput_type: multiple_choice\ndoc_to_text: \"{{thing}} is\"\n"
               "doc_to_choice: [red, red hot, rose]\ndoc_to_target: 0\n");
  folder.write("tasks/colours.jsonl",
               "{\"thing\": \"The leaf\"}\n{\"thing\": \"The leaf of a tree\"}\n"
               "{\"thing\": \"The leaf\"}\n{\"thing\": \"Grass\"}\n");
  options.tasks = {"colours", "pages"};
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  NaiveCounts naive;
  const auto encode = [&](const std::string& text) { return *tokenizer.encode(text, false); };
  for (const TaskReport& task : report->tasks)
    for (const std::string& line : task.samples) {
      const Value sample = Value::parse(line);
      for (const auto& [key, arguments] : sample["arguments"].items()) {
        const std::string context = arguments["arg_0"];
        std::vector<int32_t> tokens = arguments.contains("arg_1")
                                          ? encode(context + std::string(arguments["arg_1"]))
                                          : encode(context);
        if (!arguments.contains("arg_1")) tokens.insert(tokens.begin(), *tokenizer.eos_id());
        tokens.pop_back();
        naive.add(std::move(tokens));
      }
    }
  uint64_t distinct = 0;
  for (const auto& input : naive.inputs) distinct += input.size();
  EXPECT_EQ(report->work.tokens_run, naive.prefixes.size());
  EXPECT_EQ(report->work.tokens_logits_cache, distinct);
  EXPECT_EQ(report->work.tokens_alone, naive.alone);
  EXPECT_LT(distinct, naive.alone);
  const Value work = Value::parse(report->results)["anemone"]["work"];
  EXPECT_DOUBLE_EQ(work["share_of_hf_with_logits_cache"].get<double>(),
                   static_cast<double>(naive.prefixes.size()) / static_cast<double>(distinct));

  options.max_length = 256;
  const auto counted = count_tokens(tokenizer, options, nullptr, [](LogLevel, std::string_view) {});
  ASSERT_TRUE(counted.ok()) << counted.error().to_string();
  EXPECT_EQ(counted->work.tokens_run, report->work.tokens_run);
  EXPECT_EQ(counted->work.tokens_logits_cache, distinct);
  EXPECT_EQ(counted->work.tokens_alone, naive.alone);
  EXPECT_EQ(counted->most_generated, 0u);
  options.max_length = 0;
  EXPECT_EQ(
      count_tokens(tokenizer, options, nullptr, [](LogLevel, std::string_view) {}).error().code,
      ErrorCode::invalid_argument);
}

/// Memory of this process that is in RAM, in bytes.
uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  file >> pages >> pages;
  return pages * 4096;
}

TEST_F(EvaluateTest, MemoryDoesNotGrowWithTheDocumentsThatAreDone) {
  if (resident_bytes() == 0) GTEST_SKIP() << "no /proc/self/statm";
  std::string rows;
  for (int i = 0; i < 1000; ++i)
    rows += "{\"thing\": \"Thing number " + std::to_string(i) + "\", \"colour\": 1}\n";
  folder.write("tasks/colours.jsonl", rows);
  std::vector<uint64_t> resident;
  progress = [&](const Progress& step) {
    if (step.stage == "evaluate" && step.done < step.total) resident.push_back(resident_bytes());
    return true;
  };
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->tasks[0].evaluated, 1000);
  ASSERT_GT(resident.size(), 1000u);
  // A row of logits is 16 KiB: one kept for each question would be 48 MiB.
  EXPECT_LT(resident.back(), resident[100] + (uint64_t{4} << 20));
}

TEST_F(EvaluateTest, S0_12_S0_44_S0_67_TimeAndTokensPerSecondAreRecorded) {
  options.tasks = {"colours", "pages"};
  auto model = model_of(1);
  const Value results = Value::parse(run(model)->results);
  uint64_t tokens = 0;
  double seconds = 0;
  for (const char* task : {"colours", "pages"}) {
    const Value& work = results["anemone"]["tasks"][task];
    EXPECT_GT(work["seconds"].get<double>(), 0);
    EXPECT_DOUBLE_EQ(work["tokens_per_second"].get<double>(),
                     work["tokens_run"].get<double>() / work["seconds"].get<double>());
    tokens += work["tokens_run"].get<uint64_t>();
    seconds += work["seconds"].get<double>();
  }
  uint64_t carried = 0;
  for (const auto& [begin, count] : model.calls) carried += count;
  EXPECT_EQ(tokens, carried);
  EXPECT_EQ(results["anemone"]["work"]["tokens_run"], carried);
  EXPECT_GE(results["anemone"]["work"]["seconds"].get<double>(), seconds);
  EXPECT_GE(std::stod(results["total_evaluation_time_seconds"].get<std::string>()), seconds);
}

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
  auto model = model_of(1);
  const auto report = run(model);
  unsetenv("HF_HOME");
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

TEST_F(EvaluateTest, InterruptionKeepsTheTasksBeforeIt) {
  options.tasks = {"pages", "colours", "prose"};
  options.limit = 2;
  progress = [](const Progress& step) {
    return step.stage != "evaluate" || step.item != "colours";
  };
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->interrupted, "colours");
  EXPECT_THAT(report->not_run, ElementsAre("prose"));
  ASSERT_EQ(report->tasks.size(), 1u);
  EXPECT_EQ(report->tasks[0].name, "pages");
  const Value results = Value::parse(report->results);
  EXPECT_FALSE(results["results"].contains("colours"));
  EXPECT_EQ(results["anemone"]["interrupted"], "colours");
  EXPECT_EQ(report->table.find("colours"), std::string::npos);
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

TEST_F(EvaluateTest, NamesStayInsideTheOutputFolder) {
  Report report;
  report.model_name = "..";
  report.results = "{}";
  report.tasks.resize(2);
  report.tasks[0].name = "../../up";
  report.tasks[1].name = "..|..|up";
  for (TaskReport& task : report.tasks) task.samples = {"{}"};
  const auto files = write_report(report, folder.path() / "out");
  ASSERT_TRUE(files.ok()) << files.error().to_string();
  ASSERT_EQ(files->size(), 3u);
  for (const auto& file : *files) EXPECT_EQ(file.parent_path(), folder.path() / "out/__");
  EXPECT_NE(files->at(1), files->at(2));
}

TEST_F(EvaluateTest, AnOutputFolderIsTriedAndLeftAsItWas) {
  EXPECT_TRUE(check_output(folder.path() / "new/deep").ok());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "new"));
  EXPECT_TRUE(check_output(folder.path() / "name.json").ok());
  folder.write("file", "");
  EXPECT_EQ(check_output(folder.path() / "file/inside").error().code, ErrorCode::io);
  EXPECT_EQ(check_output(folder.path() / "file").error().code, ErrorCode::io);
  EXPECT_EQ(check_output("/proc/nothing").error().code, ErrorCode::io);
  const auto link = folder.path() / "unmounted";
  std::filesystem::create_symlink(folder.path() / "absent/disk", link);
  EXPECT_EQ(check_output(link / "results").error().code, ErrorCode::io);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
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
