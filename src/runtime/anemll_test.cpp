#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "anemone/npz.h"
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
