// Requests, scores, results and tables against recorded runs of lm-evaluation-harness 0.4.13.

#include "eval/golden_test.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <string>

#include "eval/catalogue.h"
#include "eval/codec.h"
#include "eval/groups.h"
#include "eval/outcome.h"
#include "eval/python_format.h"
#include "eval/requests.h"
#include "eval/rows.h"
#include "eval/table.h"
#include "eval/templates.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

/// A recorded run, with our task of the same name beside it.
class GoldenRun {
 public:
  /// `include` is the folder of task files below the recorded runs.
  GoldenRun(const std::string& run, const std::string& task_name, const char* include)
      : folder_(golden_folder() / run), name_(task_name) {
    results_ = Value::parse(read_file(folder_ / "results.json"));
    samples_ = read_lines(folder_ / ("samples_" + task_name + ".jsonl.gz"));
    const LogSink silent = [](LogLevel, std::string_view) {};
    const std::vector<fs::path> folders = {golden_folder() / include};
    auto catalogue = Catalogue::build(folders, silent);
    EXPECT_TRUE(catalogue.ok()) << catalogue.error().to_string();
    const std::vector<std::string> names = {task_name};
    auto selected = catalogue->select(names);
    EXPECT_TRUE(selected.ok()) << selected.error().to_string();
    overrides_.model_args = results_["config"]["model_args"];
    overrides_.source = fs::path(selected->at(0).source).lexically_relative(golden_folder());
    entry_ = selected->at(0);
  }

  Status open() {
    auto parsed = parse_task(entry_.config, overrides_);
    if (!parsed.ok()) return parsed.error();
    DataPlaces places;
    places.data = test::shared_folder() / "data/benchmarks";
    auto opened = Task::open(entry_, *parsed, places, task_templates());
    if (!opened.ok()) return opened.error();
    task = std::make_unique<Task>(std::move(opened).value());
    return {};
  }

  Status build(const Selection& selection, const PromptOptions& prompt) {
    ANEMONE_TRY(const auto ids, select_documents(selection, task->documents().size()));
    ANEMONE_TRY(auto sampler,
                FewshotSampler::create(*task, task->config().num_fewshot.value_or(0), 1234));
    ANEMONE_TRY(answers.documents, build_requests(*task, ids, sampler, prompt));
    return {};
  }

  /// Takes the recorded log-likelihoods and texts as the model's.
  void answer() {
    for (const Value& sample : samples_) {
      if (sample["filter"] != samples_[0]["filter"]) break;
      std::vector<Response> responses;
      for (const Value& repeats : sample["resps"]) {
        Response response;
        const Value& first = repeats[0];
        if (first.is_array()) {
          response.log_likelihood = std::stod(first[0].get<std::string>());
          response.greedy = first[1] == "True";
        } else if (task->config().output_type == OutputType::loglikelihood_rolling) {
          response.no_tokens = first == "0";
          response.log_likelihood = std::stod(first.get<std::string>());
        } else {
          response.text = first.get<std::string>();
        }
        responses.push_back(std::move(response));
      }
      answers.responses.push_back(std::move(responses));
    }
  }

  TaskOverrides& overrides() { return overrides_; }
  const Value& results() const { return results_; }
  const std::vector<Value>& samples() const { return samples_; }

  std::unique_ptr<Task> task;
  Answers answers;

 private:
  fs::path folder_;
  std::string name_;
  Value results_;
  std::vector<Value> samples_;
  TaskOverrides overrides_;
  CatalogueEntry entry_;
};

/// Functions are recorded with an address in one place, and as "<function name>" elsewhere.
Value without_addresses(const Value& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const size_t at = text.find(" at 0x");
    if (text.starts_with("<function ") && at != std::string::npos) return text.substr(0, at) + ">";
    return value;
  }
  Value out = value;
  if (out.is_structured())
    for (Value& item : out) item = without_addresses(item);
  return out;
}

/// `expected`, but where `found` has a float that is the same to 1e-12 relative, that one: NumPy's
/// exp may differ from the C library's in the last bit.
Value with_near_floats(const Value& expected, const Value& found) {
  if (expected.is_number_float() && found.is_number_float()) {
    const double a = expected.get<double>();
    const double b = found.get<double>();
    return std::abs(a - b) <= 1e-12 * std::abs(a) ? found : expected;
  }
  if (!expected.is_object()) return expected;
  Value out = Value::object();
  for (const auto& [key, value] : expected.items())
    out[key] = with_near_floats(value, found.value(key, Value()));
  return out;
}

void expect_equal_run(GoldenRun& run, const std::string& name, const Selection& selection,
                      const PromptOptions& prompt) {
  const Status opened = run.open();
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  const Status built = run.build(selection, prompt);
  ASSERT_TRUE(built.ok()) << built.error().to_string();
  ASSERT_EQ(run.answers.documents.size() * run.task->config().filters.size(), run.samples().size());
  run.answer();
  const auto outcome = score_task(*run.task, run.answers, 100000);
  ASSERT_EQ(outcome.samples.size(), run.samples().size());
  for (size_t i = 0; i < run.samples().size(); ++i)
    ASSERT_EQ(outcome.samples[i],
              python::dumps(with_near_floats(run.samples()[i], Value::parse(outcome.samples[i]))))
        << i;
  Value expected = run.results()["results"][name];
  for (const char* key : {"name", "alias", "sample_len"}) expected.erase(key);
  EXPECT_EQ(python::dumps(outcome.metrics),
            python::dumps(with_near_floats(expected, outcome.metrics)));
  EXPECT_EQ(outcome.hash, run.results()["task_hashes"][name]);
  EXPECT_EQ(outcome.original, run.results()["n-samples"][name]["original"]);
  EXPECT_EQ(outcome.effective, run.results()["n-samples"][name]["effective"]);
  EXPECT_EQ(python::dumps(run.task->record(), 2),
            python::dumps(without_addresses(run.results()["configs"][name]), 2));
}

void check(const std::string& run_name, const std::string& task, const char* include,
           const Selection& selection, std::optional<int64_t> shots = std::nullopt,
           const PromptOptions& prompt = {}) {
  GoldenRun run(run_name, task, include);
  run.overrides().num_fewshot = shots;
  expect_equal_run(run, task, selection, prompt);
}

text::Tokenizer tiny_tokenizer() {
  auto tokenizer = text::Tokenizer::load(test::source_folder() / "models/anemone-tiny");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().to_string();
  return *std::move(tokenizer);
}

PromptOptions chat_prompt() {
  PromptOptions prompt;
  const auto tokenizer = tiny_tokenizer();
  auto chat = chat_of(tokenizer, "", [](LogLevel, std::string_view) {});
  EXPECT_TRUE(chat.ok());
  prompt.chat = *std::move(chat);
  return prompt;
}

/// Token counts of every request against the trace that was recorded beside the run.
void check_tokens(const std::string& run, const std::string& task) {
  const auto tokenizer = tiny_tokenizer();
  const auto codec = codec_of(tokenizer);
  ASSERT_TRUE(codec.ok());
  const auto samples = read_lines(golden_folder() / run / ("samples_" + task + ".jsonl.gz"));
  const auto trace = read_lines(golden_folder() / run / ("trace_" + task + ".jsonl.gz"));
  size_t at = 0;
  for (const Value& sample : samples) {
    if (sample["filter"] != samples[0]["filter"]) continue;
    for (const auto& [key, arguments] : sample["arguments"].items()) {
      ASSERT_LT(at, trace.size());
      const Value& expected = trace[at++];
      const std::string context = arguments["arg_0"].get<std::string>();
      if (expected.contains("windows")) {
        const auto tokens = encode_text(*codec, context);
        ASSERT_TRUE(tokens.ok());
        EXPECT_EQ(tokens->size(), expected["n_tokens"]);
        Value windows = Value::array();
        for (const TokenPair& window : rolling_windows(*tokens, codec->prefix_token, 1024, 1024))
          windows.push_back({window.context().size(), window.continuation.size()});
        Value recorded = Value::array();
        for (const Value& window : expected["windows"]) recorded.push_back({window[0], window[1]});
        EXPECT_EQ(windows, recorded);
      } else if (expected.contains("tokens")) {
        EXPECT_EQ(encode_text(*codec, context)->size(), expected["n_ctx"]);
      } else {
        const EncodeContext plain =
            [&](std::string_view text) -> Result<std::shared_ptr<const Tokens>> {
          ANEMONE_TRY(Tokens tokens, encode_text(*codec, text));
          return std::make_shared<const Tokens>(std::move(tokens));
        };
        const auto pair =
            encode_pair(*codec, plain, context, arguments["arg_1"].get<std::string>());
        ASSERT_TRUE(pair.ok()) << pair.error().to_string();
        EXPECT_EQ(pair->context().size(), expected["n_ctx"]) << context;
        EXPECT_EQ(pair->continuation.size(), expected["n_cont"]) << context;
      }
    }
  }
  EXPECT_EQ(at, trace.size());
}

TEST(Golden, S0_7_ArcEasy) {
  NEED_GOLDEN("arc_easy", "arc_easy");
  check("arc_easy", "arc_easy", "tasks", {.limit = 500});
}

TEST(Golden, S0_7_ArcChallenge) {
  NEED_GOLDEN("arc_challenge", "arc_challenge");
  check("arc_challenge", "arc_challenge", "tasks", {.limit = 400});
}

TEST(Golden, S0_51_ArcEasyWithExamplesAndChosenSamples) {
  NEED_GOLDEN("arc_easy_3shot_samples", "arc_easy");
  check("arc_easy_3shot_samples", "arc_easy", "tasks",
        {.samples = {{0, 7, 11, 12, 30, 55, 101, 640, 1000, 2375}}}, 3);
}

TEST(Golden, S0_8_BoolQ) {
  NEED_GOLDEN("boolq", "boolq");
  check("boolq", "boolq", "tasks", {.limit = 300});
}

TEST(Golden, S0_9_HellaSwag) {
  NEED_GOLDEN("hellaswag", "hellaswag");
  check("hellaswag", "hellaswag", "tasks", {.limit = 300});
}

TEST(Golden, WikiText) {
  NEED_GOLDEN("wikitext", "wikitext2_raw");
  check("wikitext", "wikitext", "tasks", {.limit = 12});
}

TEST(Golden, OwnTaskWithOptionalFieldsDelimitersAndMutualInformation) {
  NEED_GOLDEN("opposites", "");
  check("opposites", "opposites", "custom", {});
}

TEST(Golden, OtherPureTasks) {
  NEED_GOLDEN("rte", "glue_rte");
  check("rte", "rte", "tasks", {});
  check("social_iqa", "social_iqa", "tasks", {.limit = 0.15});
  check("truthfulqa", "truthfulqa_mc1", "tasks", {.limit = 80});
  check("mmlu", "mmlu_anatomy", "tasks", {.limit = 8});
}

TEST(Golden, WinoGrandeWithOneContextForEachChoice) {
  NEED_GOLDEN("winogrande", "winogrande");
  check("winogrande", "winogrande", "tasks", {.limit = 500});
  check("winogrande_5shot", "winogrande", "tasks", {.limit = 60}, 5);
}

TEST(Golden, Copa) {
  NEED_GOLDEN("copa", "copa");
  check("copa", "copa", "tasks", {});
}

TEST(Golden, TruthfulQaWithSeveralRightChoices) {
  NEED_GOLDEN("truthfulqa", "truthfulqa_mc");
  check("truthfulqa", "truthfulqa_mc2", "tasks", {.limit = 80});
}

TEST(Golden, OwnTaskThatIncludesAnotherWithBrierScore) {
  NEED_GOLDEN("opposites_four", "");
  check("opposites_four", "opposites_four", "custom", {});
}

TEST(Golden, OwnGenerationTaskWithThreePipelines) {
  NEED_GOLDEN("codes", "");
  check("codes", "codes", "custom", {});
}

TEST(Golden, Gsm8kWithFiveExamplesAndTwoPipelines) {
  NEED_GOLDEN("gsm8k", "gsm8k");
  check("gsm8k", "gsm8k", "tasks", {.limit = 40});
}

TEST(Golden, IfEval) {
  NEED_GOLDEN("ifeval", "ifeval");
  GoldenRun run("ifeval", "ifeval", "tasks");
  run.overrides().generation_kwargs = {{"max_gen_toks", 160}};
  Selection selection;
  selection.samples = {0,  1,  2,  3,  5,  7,  9,  10, 11, 12, 14, 15, 16, 17,
                       20, 21, 23, 24, 26, 27, 28, 29, 32, 33, 34, 35, 36, 37};
  expect_equal_run(run, "ifeval", selection, {});
}

TEST(Golden, S0_45_LambadaWithBootstrappedPerplexity) {
  NEED_GOLDEN("lambada_openai", "lambada_openai");
  check("lambada_openai", "lambada_openai", "tasks", {.limit = 500});
}

TEST(Golden, OwnRollingTaskWithEmptyPage) {
  NEED_GOLDEN("notes", "");
  check("notes", "notes", "custom", {});
}

TEST(Golden, AllSubjectsOfMmlu) {
  NEED_GOLDEN("mmlu", "mmlu");
  const Value results = Value::parse(read_file(golden_folder() / "mmlu/results.json"));
  int subjects = 0;
  for (const auto& [name, config] : results["configs"].items()) {
    check("mmlu", name, "tasks", {.limit = 8});
    ++subjects;
  }
  EXPECT_EQ(subjects, 57);
}

TEST(Golden, GroupsOfMmlu) {
  NEED_GOLDEN("mmlu", "mmlu");
  const Value recorded = Value::parse(read_file(golden_folder() / "mmlu/results.json"));
  const std::vector<fs::path> folders = {golden_folder() / "tasks"};
  const auto catalogue = Catalogue::build(folders, [](LogLevel, std::string_view) {});
  ASSERT_TRUE(catalogue.ok());
  const std::vector<std::string> names = {"mmlu"};
  const auto selected = expand_groups(*catalogue, *catalogue->select(names));
  ASSERT_TRUE(selected.ok()) << selected.error().to_string();
  GroupedResults parts;
  for (const CatalogueEntry& task : selected->tasks) {
    parts.results[task.name] = recorded["results"][task.name];
    parts.versions[task.name] = recorded["versions"][task.name];
    parts.shots[task.name] = recorded["n-shot"][task.name];
    parts.higher_is_better[task.name] = recorded["higher_is_better"][task.name];
  }
  add_groups(selected->groups, parts);
  EXPECT_EQ(python::dumps(parts.results), python::dumps(recorded["results"]));
  EXPECT_EQ(python::dumps(parts.groups), python::dumps(recorded["groups"]));
  EXPECT_EQ(python::dumps(parts.subtasks), python::dumps(recorded["group_subtasks"]));
  const auto object = [](const std::map<std::string, Value>& entries) {
    Value out = Value::object();
    for (const auto& [key, value] : entries) out[key] = value;
    return python::dumps(out);
  };
  EXPECT_EQ(object(parts.versions), python::dumps(recorded["versions"]));
  EXPECT_EQ(object(parts.shots), python::dumps(recorded["n-shot"]));
  EXPECT_EQ(object(parts.higher_is_better), python::dumps(recorded["higher_is_better"]));
}

TEST(Golden, S0_51_ChatTemplates) {
  NEED_GOLDEN("arc_easy_chat", "arc_easy");
  PromptOptions prompt = chat_prompt();
  check("arc_easy_chat", "arc_easy", "tasks", {.limit = 60}, std::nullopt, prompt);
  check("mmlu_chat_multiturn", "mmlu_world_religions", "tasks", {.limit = 15}, 2, prompt);
  prompt.system_instruction = "You are a careful student.";
  check("openbookqa_chat_multiturn", "openbookqa", "tasks", {.limit = 40}, 3, prompt);
}

TEST(Golden, OwnGenerationTaskInChatForm) {
  NEED_GOLDEN("typos", "");
  check("typos", "typos", "custom", {}, std::nullopt, chat_prompt());
}

TEST(Golden, TokenCountsOfAllRequests) {
  ANEMONE_NEED_SHARED("fixtures/lm_eval");
  for (const char* run : {"arc_easy", "arc_challenge", "boolq", "hellaswag", "wikitext",
                          "opposites", "notes", "typos", "codes", "winogrande", "lambada_openai"})
    check_tokens(run, run);
  check_tokens("arc_easy_3shot_samples", "arc_easy");
  check_tokens("arc_easy_chat", "arc_easy");
}

TEST(Golden, S0_20_TablesOfAllRuns) {
  ANEMONE_NEED_SHARED("fixtures/lm_eval");
  int runs = 0;
  for (const auto& folder : fs::directory_iterator(golden_folder())) {
    if (!fs::exists(folder.path() / "table.txt")) continue;
    const Value results = Value::parse(read_file(folder.path() / "results.json"));
    std::string printed = format_table(results, "results") + "\n";
    if (results.contains("groups")) printed += format_table(results, "groups") + "\n";
    const std::string expected = read_file(folder.path() / "table.txt");
    EXPECT_EQ(printed, expected.substr(expected.find('\n') + 1)) << folder.path();
    ++runs;
  }
  EXPECT_EQ(runs, 24);
}

}  // namespace
}  // namespace anemone::eval
