#include "anemone/batch_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "bench/machine.h"
#include "support/scratch_folder.h"

namespace anemone::bench {
namespace {

using testing::HasSubstr;

constexpr BatchSpeed kOne = {1, 100, 10e6};

TEST(BatchPolicy, S4_10_SomebodyWhoReadsAlongGetsOneWhateverWasMeasured) {
  const BatchSpeed measured[] = {kOne, {2, 190, 10e6}};
  EXPECT_EQ(choose_batch(Workload::interactive, measured).sequences, 1);
  EXPECT_EQ(choose_batch(Workload::offline, measured).sequences, 2);
}

TEST(BatchPolicy, S4_10_TheTableOfDecisions) {
  struct Row {
    BatchSpeed two, four;
    int64_t sequences;
  };
  const Row rows[] = {
      // Gains of 9 % and penalties of 11 % are neither.
      {{2, 109, 10e6}, {4, 300, 11.1e6}, 1},
      // At the limits they are.
      {{2, 110, 11e6}, {4, 109, 10e6}, 2},
      // Scores 0.50 - 0.5 * 0 = 0.50 and 0.56 - 0.5 * 0.10 = 0.51.
      {{2, 150, 10e6}, {4, 156, 11e6}, 4},
      // 0.50 and 0.54 - 0.05 = 0.49.
      {{2, 150, 10e6}, {4, 154, 11e6}, 2},
      // Shorter steps count for it: 0.20 + 0.5 * 0.2 = 0.30 and 0.25.
      {{2, 120, 8e6}, {4, 125, 10e6}, 2},
      // Equal scores: the fewer.
      {{2, 150, 10e6}, {4, 150, 10e6}, 2},
  };
  for (const Row& row : rows) {
    const BatchSpeed upwards[] = {kOne, row.two, row.four};
    const BatchSpeed downwards[] = {row.four, row.two, kOne};
    EXPECT_EQ(choose_batch(Workload::offline, upwards).sequences, row.sequences)
        << row.two.tokens_per_second;
    EXPECT_EQ(choose_batch(Workload::offline, downwards).sequences, row.sequences)
        << row.two.tokens_per_second;
  }
}

TEST(BatchPolicy, SaysWhy) {
  const BatchSpeed measured[] = {kOne, {4, 250, 10.5e6}};
  const BatchPolicy policy = choose_batch(Workload::offline, measured);
  EXPECT_DOUBLE_EQ(policy.gain, 1.5);
  EXPECT_NEAR(policy.penalty, 0.05, 1e-12);
  EXPECT_THAT(policy.why, HasSubstr("4 sequences together: +150.0 % tokens a second, +5.0 %"));
  EXPECT_THAT(choose_batch(Workload::offline, std::span(measured).subspan(1)).why,
              HasSubstr("not measured"));
  EXPECT_THAT(choose_batch(Workload::offline, std::span(measured).first(1)).why,
              HasSubstr("no number of sequences is 10 % faster"));
}

TEST(BatchPolicy, ARuleOfOnesOwn) {
  const BatchSpeed measured[] = {kOne, {2, 104, 10e6}, {8, 400, 20e6}};
  EXPECT_EQ(choose_batch(Workload::offline, measured, {.least_gain = 0.03}).sequences, 2);
  EXPECT_EQ(choose_batch(Workload::offline, measured, {.most_penalty = 1.0}).sequences, 8);
}

TEST(BatchPolicy, WorkloadsHaveNames) {
  EXPECT_EQ(find_workload("offline"), Workload::offline);
  EXPECT_EQ(find_workload("interactive"), Workload::interactive);
  EXPECT_FALSE(find_workload("batch"));
}

std::string batches(double one, double two) {
  const auto batch = [](int sequences, double speed) {
    return "{\"sequences\": " + std::to_string(sequences) +
           ", \"tokens_per_second\": {\"summary\": {\"median\": " + std::to_string(speed) +
           "}}, \"step_ns\": {\"summary\": {\"p95\": 1000000}}}";
  };
  return "[" + batch(1, one) + ", " + batch(2, two) + "]";
}

class BatchDocument : public testing::Test {
 protected:
  Result<BatchPolicy> read(const std::string& text, std::string_view hash = "blake3:a") {
    const auto path = folder_.path() / "bench.json";
    std::ofstream(path) << text;
    return read_batch_policy(path, Workload::offline, hash);
  }

  static std::string document(const std::string& configurations) {
    return document_of(find_machine().identity(), configurations);
  }

  static std::string document_of(const std::string& machine, const std::string& configurations) {
    return R"({"anemone_bench": 1, "machine": {"identity": ")" + machine +
           R"("}, "model": {"hash": "blake3:a"}, "best": {"id": "b"}, "configurations": [)" +
           configurations + "]}";
  }

 private:
  test::ScratchFolder folder_;
};

TEST_F(BatchDocument, S4_10_TheBestConfigurationsBatchesDecide) {
  const std::string slow = R"({"id": "a", "batches": )" + batches(100, 105) + "}";
  const std::string fast = R"({"id": "b", "batches": )" + batches(100, 180) + "}";
  EXPECT_EQ(read(document(slow + "," + fast))->sequences, 2);
  EXPECT_EQ(read(document(slow))->sequences, 1);
  EXPECT_EQ(read(document(R"({"id": "b", "batches": null},)" + slow))->sequences, 1);
  EXPECT_EQ(read(document(fast), "")->sequences, 2);
}

TEST_F(BatchDocument, OthersAreRefused) {
  const std::string fast = R"({"id": "b", "batches": )" + batches(100, 180) + "}";
  EXPECT_EQ(read(document(fast), "blake3:b").error().code, ErrorCode::mismatch);
  EXPECT_THAT(read(document(R"({"id": "b"})")).error().to_string(), HasSubstr("--batches"));
  EXPECT_EQ(read(document(R"({"id": "b"})")).error().code, ErrorCode::mismatch);
  EXPECT_THAT(read(document_of("another", fast)).error().to_string(), HasSubstr("another"));
  EXPECT_EQ(read(document_of("another", fast)).error().code, ErrorCode::mismatch);
  EXPECT_EQ(read(document(R"({"batches": [{"sequences": 1025}]})")).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(read("{}").error().code, ErrorCode::corrupt);
  EXPECT_EQ(read(R"({"anemone_bench": 9})").error().code, ErrorCode::unsupported);
  EXPECT_EQ(read(document(R"({"batches": )" + batches(0, 180) + "}")).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(read(document(R"({"batches": [{"sequences": "two"}]})")).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(read(document(R"({"batches": [7]})")).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace anemone::bench
