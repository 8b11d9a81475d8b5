#include "anemone/state_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/float16.h"
#include "runtime/anemll_model.h"
#include "runtime/planned_program.h"
#include "runtime/state_traffic.h"
#include "runtime/used_rows.h"
#include "support/shared.h"

namespace anemone::runtime {
namespace {

namespace fs = std::filesystem;

const fs::path kTiny = fs::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";

/// Of the package whose functions have been through `change`.
StateReport report_of(const fs::path& path, const Options& options,
                      const std::function<void(package::FunctionDescription&)>& change = {}) {
  auto package = package::open(path);
  EXPECT_TRUE(package.ok()) << package.error().to_string();
  if (change) std::ranges::for_each(package->functions, change);
  auto model = Model::load(*std::move(package), options);
  EXPECT_TRUE(model.ok()) << model.error().to_string();
  auto report = report_states(**model);
  EXPECT_TRUE(report.ok()) << report.error().to_string();
  return report.ok() ? *std::move(report) : StateReport();
}

const FunctionStates& find(const StateReport& report, std::string_view name) {
  return *std::ranges::find(report.functions, name, &FunctionStates::function);
}

// Five layers with two heads of 64 numbers, keys and values apart; 1,024 positions.
constexpr uint64_t kRow = 10 * 2 * 64;
constexpr uint64_t kAll = kRow * 1024;

TEST(StateReport, S4_23_S4_24_AStepReadsTheCacheOnceWritesARowAndCopiesNothing) {
  for (const auto& [numerics, size] : {std::pair{Numerics::fp16, 2}, {Numerics::fp32, 4}}) {
    const auto bytes = static_cast<uint64_t>(size);
    const StateReport report = report_of(kTiny / "qwen_FFN_PF_chunk_01of01.mlpackage",
                                         {.numerics = numerics, .threads = 2});
    ASSERT_EQ(report.states.size(), 1U);
    EXPECT_EQ(report.states[0].name, "model_model_kv_cache_0");
    EXPECT_EQ(report.states[0].shape, (Shape{10, 2, 1024, 64}));
    EXPECT_EQ(report.size_bytes(), kAll * bytes);
    const FunctionStates& step = find(report, "infer");
    ASSERT_TRUE(step.expected);
    EXPECT_EQ(*step.expected, (StateTraffic{kAll * bytes, kRow * bytes, 0, 0}));
    EXPECT_EQ(step.least.counted, *step.expected);
    // Of an empty cache the row of this step, and keys by panels of sixteen.
    EXPECT_EQ(step.counted_empty,
              (StateTraffic{(kRow / 2 + kRow / 2 * 16) * bytes, kRow * bytes, 0, 0}));
    EXPECT_TRUE(step.in_place);
    const FunctionStates& block = find(report, "prefill");
    EXPECT_EQ(block.least.counted.written_bytes, 64 * kRow * bytes);
    EXPECT_EQ(block.expected->written_bytes, 64 * kRow * bytes);
    EXPECT_EQ(block.least.counted.copies, 0);
  }
}

TEST(StateReport, AFunctionOfSeveralShapesIsRunAtLargeOnesToo) {
  ANEMONE_NEED_SHARED("fixtures/coreml/llama_stateful");
  const StateReport report = report_of(
      test::shared_folder() / "fixtures/coreml/llama_stateful/model.mlpackage", {.threads = 1});
  ASSERT_EQ(report.functions.size(), 1U);
  const FunctionStates& step = report.functions[0];
  ASSERT_FALSE(step.least.shapes.empty());
  ASSERT_TRUE(step.large);
  ASSERT_TRUE(step.large->ok()) << step.large->error().to_string();
  const CallStates& large = **step.large;
  ASSERT_EQ(large.shapes.size(), step.least.shapes.size());
  // All rows of the states but one, in which the least call had one row.
  const StateLayout& keys = report.states[0];
  const int64_t rows = keys.shape[keys.shape.rank() - 2] - 1;
  EXPECT_EQ(large.shapes[0].shape[1], rows);
  EXPECT_EQ(large.counted.copies, step.least.counted.copies);
  EXPECT_GT(large.counted.copies, 0);
  EXPECT_EQ(large.counted.copied_bytes,
            step.least.counted.copied_bytes * static_cast<uint64_t>(rows));
  EXPECT_TRUE(step.in_place);
}

/// Why a call of large shapes is left out whose inputs have ranges that end at `longest`, the mask
/// only where `with_mask`.
std::string why_left_out(int64_t longest, bool with_mask) {
  const auto lengthen = [&](package::FunctionDescription& function) {
    for (package::Feature& input : function.inputs)
      for (package::DimRange& range : input.ranges)
        if (range.upper > range.lower && (with_mask || input.name == "inputIds"))
          range.upper = longest;
  };
  const StateReport report =
      report_of(test::shared_folder() / "fixtures/coreml/llama_stateful/model.mlpackage",
                {.threads = 1}, lengthen);
  const FunctionStates& step = report.functions.at(0);
  EXPECT_GT(step.least.counted.read_bytes, 0U);
  if (!step.large || step.large->ok()) return "it was run";
  EXPECT_EQ(step.large->error().code, ErrorCode::limit);
  return step.large->error().message;
}

TEST(StateReport, ACallThatWouldTakeTooMuchMemoryOrTimeIsLeftOut) {
  ANEMONE_NEED_SHARED("fixtures/coreml/llama_stateful");
  const auto ends_with = [](std::string_view text, std::string_view end) {
    EXPECT_TRUE(text.ends_with(end)) << text;
  };
  ends_with(why_left_out(int64_t{1} << 13, true), "elements, at most 4194304 are tried");
  ends_with(why_left_out(int64_t{1} << 40, true), "elements, at most 4194304 are tried");
  ends_with(why_left_out(int64_t{1} << 40, false), "elements, at most 4194304 are tried");
  // 1.4 MB of weights and states for each of four million tokens.
  ends_with(why_left_out(4'170'000, false), "bytes, at most 4398046511104 are tried");
}

/// What was counted as written is what differs afterwards, and nothing else was touched.
TEST(StateReport, S4_23_TheBytesThatChangeAreThoseThatWereCounted) {
  auto model = AnemllModel::load(kTiny, {.threads = 2});
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  for (const int32_t token : {5, 300, 77}) ASSERT_TRUE(model->step(token, token % 3).ok());
  constexpr int64_t kPosition = 9;
  constexpr uint16_t kMark = 0x1234;
  Tensor& cache = model->state().tensors()[0].tensor;
  const std::byte* const address = cache.bytes().data();
  std::ranges::fill(cache.mutable_values<uint16_t>(), kMark);
  ASSERT_TRUE(count_states(model->infer(0)));
  ASSERT_TRUE(model->step(40, kPosition).ok());
  const auto after = cache.values<uint16_t>();
  EXPECT_EQ(cache.bytes().data(), address);
  uint64_t changed = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    if (after[i] == kMark) continue;
    EXPECT_EQ(static_cast<int64_t>(i / 64 % 1024), kPosition);
    ++changed;
  }
  EXPECT_EQ(counted_states(model->infer(0)).written_bytes, kRow * 2);
  // A number may be the mark by chance.
  EXPECT_LE(changed, kRow);
  EXPECT_GE(changed, kRow - 4);
}

/// Rows of an empty cache that were not counted as read may hold what they like.
TEST(StateReport, S4_24_RowsThatAreNotCountedAreNotRead) {
  auto clean = AnemllModel::load(kTiny, {.threads = 1});
  auto spoilt = AnemllModel::load(kTiny, {.threads = 1});
  ASSERT_TRUE(clean.ok() && spoilt.ok());
  constexpr int64_t kPanel = 16;
  auto cache = spoilt->state().tensors()[0].tensor.mutable_values<uint16_t>();
  for (size_t i = 0; i < cache.size(); ++i)
    if (static_cast<int64_t>(i / 64 % 1024) >= kPanel) cache[i] = 0x7e00;  // NaN
  for (AnemllModel* model : {&*clean, &*spoilt}) promise_used_rows(model->infer(0), 0);
  const auto expected = clean->step(5, 0);
  const auto got = spoilt->step(5, 0);
  ASSERT_TRUE(expected.ok() && got.ok());
  EXPECT_EQ(*got, *expected);
}

class StateTrafficTest : public testing::Test {
 protected:
  /// Of one run of a program on the state s [4, 3] in fp16, 24 bytes.
  static StateTraffic run(const std::string& body, const std::string& outputs) {
    PlannedProgram planned(function_text(
        "state<tensor<fp16, [4, 3]>> s, tensor<fp16, [1, 3]> u, tensor<fp16, [4, 3]> w", body,
        outputs));
    EXPECT_EQ(planned.error(), "");
    EXPECT_TRUE(count_states(planned.runner()));
    const std::vector<double> whole(12, 1.0);
    planned.run({{1, 2, 3}, whole});
    const StateTraffic first = counted_states(planned.runner());
    planned.run({{1, 2, 3}, whole});
    EXPECT_EQ(counted_states(planned.runner()), first) << "a run counts for itself";
    const auto expected = expected_traffic(planned.function(), Numerics::fp16);
    EXPECT_TRUE(expected);
    if (expected) {
      EXPECT_EQ(expected->written_bytes, first.written_bytes);
    }
    return first;
  }
  static std::string update(const std::string& result, const std::string& x, int row) {
    return fmt::format(
        "tensor<fp16, [4, 3]> {} = slice_update(x = {}, update = u, begin = tensor<int32, "
        "[2]>([{}, 0]), end = tensor<int32, [2]>([{}, 3]));\n",
        result, x, row, row + 1);
  }
  const std::string read_ = "tensor<fp16, [4, 3]> a = read_state(input = s);\n";
  const std::string twice_ = "tensor<fp16, [4, 3]> y = add(x = a, y = a);\n";
};

TEST_F(StateTrafficTest, S4_23_S4_24_ASliceIsWrittenAndTheRestLeftAlone) {
  EXPECT_EQ(run(read_ + update("b", "a", 1) +
                    "write_state(data = b, input = s);\n"
                    "tensor<fp16, [4, 3]> c = read_state(input = s);\n"
                    "tensor<fp16, [4, 3]> y = mul(x = c, y = w);\n",
                "y"),
            (StateTraffic{.read_bytes = 24, .written_bytes = 6, .copied_bytes = 0, .copies = 0}));
}

TEST_F(StateTrafficTest, ALateReaderOfTheOldContentsCostsACopy) {
  EXPECT_EQ(run(read_ + update("b", "a", 1) + "write_state(data = b, input = s);\n" +
                    "tensor<fp16, [4, 3]> y = mul(x = a, y = w);\n",
                "y"),
            (StateTraffic{.read_bytes = 24, .written_bytes = 6, .copied_bytes = 24, .copies = 1}));
}

TEST_F(StateTrafficTest, WholeContentsAreCopiedIn) {
  EXPECT_EQ(run(read_ + "tensor<fp16, [4, 3]> y = mul(x = a, y = w);\n"
                        "write_state(data = y, input = s);\n",
                "y"),
            (StateTraffic{.read_bytes = 24, .written_bytes = 24, .copied_bytes = 24, .copies = 1}));
}

TEST_F(StateTrafficTest, ContentsInAnotherOrderAreACopy) {
  const StateTraffic traffic =
      run(read_ +
              "tensor<fp16, [3, 4]> t = transpose(x = a, perm = tensor<int32, [2]>([1, 0]));\n"
              "tensor<fp16, [6, 4]> y = tile(x = t, reps = tensor<int32, [2]>([2, 1]));\n",
          "y");
  EXPECT_EQ(traffic,
            (StateTraffic{.read_bytes = 24, .written_bytes = 0, .copied_bytes = 72, .copies = 2}));
}

TEST_F(StateTrafficTest, AResultThatIsTheContentsIsACopy) {
  EXPECT_EQ(run(read_, "a"),
            (StateTraffic{.read_bytes = 24, .written_bytes = 0, .copied_bytes = 24, .copies = 1}));
}

TEST(StateReport, LayoutsThatNeedCopiesSayHowMany) {
  ANEMONE_NEED_SHARED("fixtures/anemll");
  int reports = 0;
  for (const auto& entry :
       fs::recursive_directory_iterator(test::shared_folder() / "fixtures/anemll")) {
    const bool is_chunk = entry.path().filename().string().find("_FFN_PF_") != std::string::npos &&
                          entry.path().extension() == ".mlpackage";
    if (!is_chunk || entry.path().string().find("broken") != std::string::npos) continue;
    const StateReport report = report_of(entry.path(), {.threads = 1});
    ++reports;
    for (const FunctionStates& function : report.functions) {
      SCOPED_TRACE(entry.path().string() + " " + function.function);
      EXPECT_TRUE(function.in_place);
      ASSERT_TRUE(function.expected);
      EXPECT_EQ(function.least.counted.written_bytes, function.expected->written_bytes);
      EXPECT_EQ(function.least.counted.copied_bytes > 0, function.least.counted.copies > 0);
      EXPECT_LE(function.counted_empty.read_bytes, function.least.counted.read_bytes);
    }
  }
  EXPECT_GT(reports, 3);
}

}  // namespace
}  // namespace anemone::runtime
