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
  Result<BatchPolicy> read(const std::string& text,
                           const BatchSubject& subject = {.model_hash = "blake3:a"}) {
    const auto path = folder_.path() / "bench.json";
    std::ofstream(path) << text;
    return read_batch_policy(path, Workload::offline, subject);
  }

  struct Ran {
    int threads = find_machine().cores;
    int64_t context = 128;
    const char* units = "cpu";
    const char* artifact = "null";
  };
  static std::string configuration(const char* id, const std::string& batches, const Ran& ran) {
    return std::string("{\"id\": \"") + id +
           "\", \"status\": \"measured\", \"threads\": " + std::to_string(ran.threads) +
           ", \"context_tokens\": " + std::to_string(ran.context) +
           ", \"artifact\": " + ran.artifact +
           ", \"execution\": {\"backend\": \"cpu\", \"compute_units\": \"" + ran.units +
           "\"}, \"batches\": " + batches + "}";
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
  const std::string slow = configuration("a", batches(100, 105), {});
  const std::string fast = configuration("b", batches(100, 180), {});
  EXPECT_EQ(read(document(slow + "," + fast))->sequences, 2);
  EXPECT_EQ(read(document(slow))->sequences, 1);
  EXPECT_EQ(read(document(configuration("b", "null", {}) + "," + slow))->sequences, 1);
  EXPECT_EQ(read(document(fast), {})->sequences, 2) << "a model whose hash is not known";
}

TEST_F(BatchDocument, S4_10_OnlyWhatRanAsTheServerDoesDecides) {
  const int cores = find_machine().cores;
  const std::string other_threads =
      configuration("b", batches(100, 180), {.threads = cores + 1});  // the best of the document
  const std::string small = configuration("a", batches(100, 180), {.context = 64});
  const std::string large = configuration("c", batches(100, 105), {.context = 256});
  EXPECT_EQ(read(document(other_threads + "," + small + "," + large))->sequences, 1);
  EXPECT_EQ(read(document(large + "," + small))->sequences, 1);
  EXPECT_EQ(read(document(other_threads + "," + large), {.threads = cores + 1})->sequences, 2);
  const std::string packages = R"({"hash": "blake3:b"})";
  const std::string converted =
      configuration("b", batches(100, 180), {.artifact = packages.c_str()});
  EXPECT_EQ(read(document(converted + "," + large))->sequences, 1);
  EXPECT_EQ(read(document(converted), {.model_hash = "blake3:b"})->sequences, 2);
  const auto is_refused = [&](const std::string& text, const char* words) {
    const auto policy = read(text);
    ASSERT_FALSE(policy.ok()) << words;
    EXPECT_EQ(policy.error().code, ErrorCode::mismatch);
    EXPECT_THAT(policy.error().to_string(), HasSubstr(words));
    EXPECT_THAT(policy.error().to_string(), HasSubstr("--batches"));
  };
  is_refused(document(other_threads), "threads, not");
  is_refused(document(converted), "the model blake3:b, not blake3:a");
  is_refused(document(configuration("b", batches(100, 180), {.units = "cpu-ane"})),
             "backend 'cpu' on units 'cpu-ane', not 'cpu' on 'cpu'");
  is_refused(document(R"({"id": "b"})"), "no batches were measured");
  std::string stopped = configuration("b", batches(100, 180), {});
  stopped.replace(stopped.find("measured"), 8, "interrupted");
  is_refused(document(stopped), "no batches were measured");
}

TEST_F(BatchDocument, OthersAreRefused) {
  const std::string fast = configuration("b", batches(100, 180), {});
  EXPECT_THAT(read(document_of("another", fast)).error().to_string(), HasSubstr("another"));
  EXPECT_EQ(read(document_of("another", fast)).error().code, ErrorCode::mismatch);
  EXPECT_EQ(read("{}").error().code, ErrorCode::corrupt);
  EXPECT_EQ(read(R"({"anemone_bench": 9})").error().code, ErrorCode::unsupported);
  for (const std::string& list :
       {batches(0, 180), std::string(R"([{"sequences": "two"}])"), std::string("[7]"),
        std::string(R"([{"sequences": 1025}])"), std::string(R"([{"sequences": 1e30}])"),
        std::string(R"([{"sequences": 18446744073709551615}])")})
    EXPECT_EQ(read(document(configuration("b", list, {}))).error().code, ErrorCode::corrupt)
        << list;
  for (const char* text : {"7, [], null, \"b\"", R"({"id": 7, "threads": "2", "artifact": 3})"})
    EXPECT_EQ(read(document(text)).error().code, ErrorCode::mismatch) << text;
}

}  // namespace
}  // namespace anemone::bench
