#include <fstream>
#include <set>
#include <thread>
#include <utility>

#include "eval/evaluate_test.h"
#include "eval/value.h"

namespace anemone::eval {
namespace {

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
  const auto counted =
      count_tokens(tokenizer, options, 0, nullptr, [](LogLevel, std::string_view) {});
  ASSERT_TRUE(counted.ok()) << counted.error().to_string();
  EXPECT_EQ(counted->work.tokens_run, report->work.tokens_run);
  EXPECT_EQ(counted->work.tokens_logits_cache, distinct);
  EXPECT_EQ(counted->work.tokens_alone, naive.alone);
  EXPECT_EQ(counted->most_generated, 0u);
  // By blocks, beside others: on one lane the second way may go on from what the first has left.
  constexpr int64_t kBlock = 4;
  auto with_blocks = model_of(1);
  with_blocks.mutable_info().score_block_tokens = kBlock;
  const auto tokens_of = [&](const std::vector<std::string>& tasks) {
    options.tasks = tasks;
    const auto ran = run(with_blocks);
    const auto said =
        count_tokens(tokenizer, options, kBlock, nullptr, [](LogLevel, std::string_view) {});
    return std::pair(ran->work.tokens_run, said->work.tokens_run);
  };
  const auto [both_run, both_counted] = tokens_of({"colours", "pages"});
  EXPECT_FALSE(with_blocks.blocks_scored.empty());
  EXPECT_LE(both_run, both_counted);
  EXPECT_GT(both_counted, counted->work.tokens_run) << "the two ways are counted apart";
  const auto [pages_run, pages_counted] = tokens_of({"pages"});
  EXPECT_EQ(pages_run, pages_counted);
  options.max_length = 0;
  EXPECT_EQ(
      count_tokens(tokenizer, options, 0, nullptr, [](LogLevel, std::string_view) {}).error().code,
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

TEST_F(EvaluateTest, S0_13_PeakMemoryIsReported) {
  // More than the process ever held, so that its peak must rise by as much.
  constexpr uint64_t kMore = uint64_t{64} << 20;
  const auto peak_of = [&](uint64_t bytes) {
    std::vector<char> held;
    ScriptedModel model(kVocabulary, 256, 16, [&](std::span<const int32_t> tokens) {
      if (held.empty()) held.assign(bytes, 1);
      return mixed_logits(tokens, kVocabulary, 1);
    });
    const auto report = run(model);
    EXPECT_TRUE(report.ok());
    const uint64_t peak = report->work.peak_memory_bytes;
    EXPECT_EQ(Value::parse(report->results)["anemone"]["work"]["peak_memory_bytes"], peak);
    return peak;
  };
  const uint64_t before = peak_of(1);
  ASSERT_GT(before, 0u);
  const uint64_t after = peak_of(before + kMore);
  EXPECT_GE(after, before + kMore);
  EXPECT_EQ(peak_of(1), after) << "what was held at most stays";
}

TEST_F(EvaluateTest, S1_16_S1_21_CallsOfTheModelAreSerial) {
  options.tasks = {"colours", "pages", "prose"};
  options.limit = 4;
  bool inside = false;
  uint64_t rows = 0;
  const std::thread::id caller = std::this_thread::get_id();
  ScriptedModel model(kVocabulary, 256, 16, [&](std::span<const int32_t> tokens) {
    EXPECT_FALSE(std::exchange(inside, true)) << "a call within a call";
    EXPECT_EQ(std::this_thread::get_id(), caller);
    ++rows;
    inside = false;
    return mixed_logits(tokens, kVocabulary, 1);
  });
  ASSERT_TRUE(run(model).ok());
  EXPECT_GT(rows, 20u);
  EXPECT_EQ(Value::parse(run(model)->results)["config"]["batch_size"], "1");
}

}  // namespace
}  // namespace anemone::eval
