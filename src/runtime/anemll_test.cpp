#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "anemone/npz.h"
#include "kernels/kernels.h"
#include "runtime/anemll_model.h"
#include "support/shared.h"

namespace anemone::runtime {
namespace {

struct Distance {
  double largest = 0;
  double mean = 0;
};

/// Feeds prompt 0 token by token and compares with the logits of the checkpoint.
Result<Distance> distance(const std::filesystem::path& path, const Options& options) {
  ANEMONE_TRY(AnemllModel model, AnemllModel::load(path, options));
  ANEMONE_TRY(const std::vector<NamedTensor> arrays, read_npz(path / "expected.npz"));
  const auto array = [&](std::string_view name) -> const Tensor& {
    return std::ranges::find(arrays, name, &NamedTensor::name)->tensor;
  };
  const Tensor& ids = array("ids0");
  const Tensor& expected = array("logits0");
  Distance result;
  for (int64_t t = 0; t < ids.element_count(); ++t) {
    ANEMONE_TRY(const std::vector<float> logits, model.step(static_cast<int32_t>(ids.at(t)), t));
    const auto vocab = static_cast<int64_t>(logits.size());
    if (vocab != expected.shape()[1]) return Error{ErrorCode::mismatch, "vocabulary", {}, {}};
    for (int64_t v = 0; v < vocab; ++v) {
      const double difference = std::fabs(static_cast<double>(logits[static_cast<size_t>(v)]) -
                                          expected.at(t * vocab + v));
      result.largest = std::max(result.largest, std::isnan(difference) ? INFINITY : difference);
      result.mean += difference / static_cast<double>(expected.element_count());
    }
  }
  return result;
}

class AnemllDirectory : public testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path path() const {
    return test::shared_folder() / "fixtures/anemll" / GetParam();
  }
  void SetUp() override {
    ANEMONE_NEED_SHARED(std::filesystem::path("fixtures/anemll") / GetParam());
  }
};

// The bounds are those of the fixtures' README for these sizes.
TEST_P(AnemllDirectory, LogitsAreNearTheCheckpointsInFp16) {
  const auto result = distance(path(), {.threads = 1});
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  EXPECT_LE(result->largest, 0.06);
  EXPECT_LE(result->mean, 0.008);
}

TEST_P(AnemllDirectory, LogitsAreNearTheCheckpointsInFp32) {
  const auto result = distance(path(), {.numerics = Numerics::fp32, .threads = 1});
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  EXPECT_LE(result->largest, 0.02);
  EXPECT_LE(result->mean, 0.003);
}

std::vector<int32_t> some_tokens(size_t count) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>((i * 37 + 5) % 500));
  return tokens;
}

bool equal_bytes(const State& a, const State& b) {
  for (size_t i = 0; i < a.tensors().size(); ++i) {
    const auto left = a.tensors()[i].tensor.bytes();
    const auto right = b.tensors()[i].tensor.bytes();
    if (!std::equal(left.begin(), left.end(), right.begin(), right.end())) return false;
  }
  return true;
}

TEST(EmbeddedModel, ABlockLeavesTheStateOfItsSteps) {
  const auto path = test::source_folder() / "models/anemone-tiny-anemll";
  const std::vector<int32_t> tokens = some_tokens(64);
  for (const Numerics numerics : {Numerics::fp16, Numerics::fp32}) {
    auto steps = AnemllModel::load(path, {.numerics = numerics, .threads = 1});
    auto block = AnemllModel::load(path, {.numerics = numerics, .threads = 3});
    ASSERT_TRUE(steps.ok() && block.ok());
    for (size_t i = 0; i < tokens.size(); ++i)
      ASSERT_TRUE(steps->step(tokens[i], static_cast<int64_t>(i)).ok());
    ASSERT_TRUE(block->block(tokens, 0).ok());
    EXPECT_TRUE(equal_bytes(steps->state(), block->state())) << to_string(numerics);
    const auto expected = steps->step(7, 64);
    const auto got = block->step(7, 64);
    ASSERT_TRUE(expected.ok() && got.ok());
    EXPECT_EQ(*expected, *got);
  }
}

TEST(EmbeddedModel, LogitsAreTheSameOnEveryInstructionSetAndThreadCount) {
  const auto path = test::source_folder() / "models/anemone-tiny-anemll";
  for (const Numerics numerics : {Numerics::fp16, Numerics::fp32}) {
    std::vector<std::vector<float>> first;
    for (const kernels::KernelSet& set : kernels::kernel_sets())
      for (const int threads : {1, 3, 8}) {
        auto model = AnemllModel::load(
            path, {.numerics = numerics, .threads = threads, .isa = *parse_isa(set.isa)});
        ASSERT_TRUE(model.ok());
        std::vector<std::vector<float>> logits;
        for (int64_t i = 0; i < 3; ++i) {
          auto row = model->step(static_cast<int32_t>(20 + i), i);
          ASSERT_TRUE(row.ok()) << row.error().to_string();
          logits.push_back(*std::move(row));
        }
        if (first.empty()) first = logits;
        EXPECT_EQ(first, logits) << set.isa << ", " << threads << " threads";
      }
  }
}

INSTANTIATE_TEST_SUITE_P(All, AnemllDirectory,
                         testing::Values("qwen3-micro-2chunk", "qwen3-fp16-1chunk",
                                         "qwen3-fp16-2chunk", "qwen3-lut4-2chunk",
                                         "llama-fp16-1chunk", "gemma3-fp16-1chunk"),
                         [](const testing::TestParamInfo<const char*>& directory) {
                           std::string name = directory.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace anemone::runtime
