#include <gmock/gmock.h>

#include <algorithm>

#include "anemone/recorded_results.h"
#include "support/scratch_folder.h"

namespace anemone::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

RecordedSample read_one(std::string row) {
  const test::ScratchFolder folder;
  std::ranges::replace(row, '\n', ' ');  // a row is a line
  folder.write("samples_t.jsonl", row + "\n");
  const auto samples = read_samples(folder.path() / "samples_t.jsonl");
  EXPECT_TRUE(samples.ok()) << samples.error().to_string();
  return samples.ok() && samples->size() == 1 ? samples->front() : RecordedSample();
}

TEST(RecordedSamples, TheLikeliestChoiceIsChosen) {
  const auto sample = read_one(
      R"({"doc_id": 3, "filter": "none", "filtered_resps": [["-3.5", "False"], ["-2.25", "True"]],
          "target": "1", "arguments": {"gen_args_0": {"arg_0": "Two  words\n", "arg_1": " a"}},
          "metrics": ["acc", "f1"], "acc": true, "f1": [1, 0]})");
  EXPECT_EQ(sample.chosen, "1");
  EXPECT_THAT(sample.log_likelihoods, ElementsAre(-3.5, -2.25));
  EXPECT_EQ(sample.prompt_words, 2);
  EXPECT_EQ(sample.metrics.at("acc"), 1);
  EXPECT_EQ(sample.pairs.at("f1"), (std::pair<double, double>{1, 0}));
}

TEST(RecordedSamples, OneContinuationIsGreedyOrNot) {
  const auto sample = read_one(
      R"({"doc_id": 0, "filtered_resps": [["-1.5", "True"]], "metrics": ["acc"], "acc": 1.0})");
  EXPECT_EQ(sample.chosen, "greedy");
  EXPECT_THAT(sample.log_likelihoods, ElementsAre(-1.5));
}

TEST(RecordedSamples, AGeneratedTextIsWhatWasChosenAlsoWhenItIsANumber) {
  const auto sample = read_one(
      R"({"doc_id": 0, "filtered_resps": ["42"], "target": "forty two", "metrics": ["exact_match"],
          "exact_match": 0})");
  EXPECT_EQ(sample.chosen, "42");
  EXPECT_THAT(sample.log_likelihoods, IsEmpty());
  EXPECT_EQ(sample.target_words, 2);
}

TEST(RecordedSamples, AWholeTextHasALikelihoodAndNothingChosen) {
  for (const char* responses : {R"(["-7288.5"])", R"([["-7288.5"]])"}) {
    const auto sample = read_one(std::string(R"({"doc_id": 0, "filtered_resps": )") + responses +
                                 R"(, "metrics": ["word_perplexity"], "word_perplexity":
                                    [-7288.5, 1093]})");
    EXPECT_FALSE(sample.chosen.has_value()) << responses;
    EXPECT_THAT(sample.log_likelihoods, ElementsAre(-7288.5)) << responses;
    EXPECT_EQ(sample.pairs.at("word_perplexity"), (std::pair<double, double>{-7288.5, 1093}));
  }
}

TEST(RecordedSamples, ThoseOfTheSameTimeAreBesideTheResults) {
  const test::ScratchFolder folder;
  const auto results = folder.path() / "results_2026-01-01.json";
  EXPECT_FALSE(samples_beside(results, "t").has_value());
  folder.write("samples_t.jsonl", "");
  EXPECT_EQ(samples_beside(results, "t"), folder.path() / "samples_t.jsonl");
  folder.write("samples_t_2025-12-31.jsonl", "");
  folder.write("samples_t_2026-01-01.jsonl", "");
  EXPECT_EQ(samples_beside(results, "t"), folder.path() / "samples_t_2026-01-01.jsonl");
  folder.write("samples_u__v_2026-01-01.jsonl", "");
  EXPECT_EQ(samples_beside(results, "u/v")->filename(), "samples_u__v_2026-01-01.jsonl");
}

}  // namespace
}  // namespace anemone::eval
