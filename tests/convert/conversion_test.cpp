// Every checkpoint of the fixtures, converted, against the logits of transformers. Tolerances:
// those of fixtures/hf/README.md.

#include "convert/converted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using runtime::Numerics;

struct Fixture {
  const char* name;
  double fp16_error;  ///< column "fp16 err" of the README.
};

std::ostream& operator<<(std::ostream& stream, const Fixture& fixture) {
  return stream << fixture.name;
}

class Converted : public ::testing::TestWithParam<Fixture> {
 protected:
  void SetUp() override {
    folder_ = test::shared_folder() / "fixtures/hf" / GetParam().name;
    if (!fs::exists(folder_)) GTEST_SKIP() << "no fixtures: " << folder_;
    expected_ = test::read_arrays(folder_ / "expected.npz");
  }
  double error(const fs::path& out, Numerics numerics) {
    const auto model = test::opened(out, numerics);
    if (model == nullptr) return 1e9;
    EXPECT_GT(model->info().context_length, 0);
    double largest = 0;
    for (const char* prompt : {"0", "1", "2"})
      largest = std::max(largest, test::largest_error(*model, expected_, prompt, true));
    return largest;
  }

  fs::path folder_;
  test::Arrays expected_;
  test::ScratchFolder scratch_;
};

TEST_P(Converted, S3_14_Fp32HasTheLogitsOfTransformers) {
  const fs::path out = scratch_.path() / "out";
  const ConvertOptions options{.context = 128, .prefill = 16, .chunks = 2, .dtype = DType::fp32};
  ASSERT_TRUE(test::converted(folder_, out, options));
  EXPECT_LE(error(out, Numerics::fp32), 2e-3);
}

TEST_P(Converted, S3_12_Fp16HasTheLogitsOfTransformers) {
  const fs::path out = scratch_.path() / "out";
  ASSERT_TRUE(test::converted(folder_, out, {.context = 128, .prefill = 16}));
  EXPECT_LE(error(out, Numerics::fp32), 0.03);
  EXPECT_LE(error(out, Numerics::fp16), 2 * GetParam().fp16_error);
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, Converted,
                         ::testing::Values(Fixture{"gemma2", 0.0432}, Fixture{"gemma3", 0.0404},
                                           Fixture{"gpt2", 0.0264}, Fixture{"granite", 0.0434},
                                           Fixture{"llama", 0.0636}, Fixture{"llama31", 0.0448},
                                           Fixture{"mistral", 0.041}, Fixture{"olmo2", 0.0175},
                                           Fixture{"phi3", 0.0568}, Fixture{"qwen2", 0.0631},
                                           Fixture{"qwen3", 0.0357}, Fixture{"qwen3_moe", 0.071},
                                           Fixture{"smollm3", 0.096}),
                         [](const auto& fixture) { return std::string(fixture.param.name); });

/// The blocks that carry a prompt leave the cache as single steps do.
TEST(ConvertedBlocks, LeaveTheCacheOfSingleSteps) {
  const fs::path folder = test::shared_folder() / "fixtures/hf/qwen3";
  ANEMONE_NEED_SHARED(folder);
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(folder, out, {.context = 128, .prefill = 16, .chunks = 3}));
  const auto model = test::opened(out, Numerics::fp32);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().form, "anemone");
  EXPECT_EQ(model->info().context_length, 128);
  EXPECT_EQ(model->info().prefill_block_tokens, 16);
  const test::Arrays expected = test::read_arrays(folder / "expected.npz");
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < expected.at("ids2").element_count(); ++i)
    ids.push_back(static_cast<int32_t>(expected.at("ids2").at(i)));
  std::vector<float> last(static_cast<size_t>(model->info().vocab_size));
  const auto sequence = model->new_sequence();
  ASSERT_TRUE(model->extend(*sequence, ids, lm::Rows::last, last).ok());
  EXPECT_GE(model->counters().prefill_tokens, 96u);
  const auto known = expected.at("logits2").values<float>();
  const auto want = test::log_softmax(known.last(last.size()));
  const auto got = test::log_softmax(last);
  for (size_t v = 0; v < want.size(); ++v) ASSERT_NEAR(got[v], want[v], 0.03) << v;
}

TEST(ConvertedPlain, S3_16_GivesLogitsOfTransformersAtFixedLengths) {
  const fs::path folder = test::shared_folder() / "fixtures/hf/mistral";
  ANEMONE_NEED_SHARED(folder);
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(folder, out, {.layout = "plain", .lengths = {64, 128}}));
  const test::Arrays expected = test::read_arrays(folder / "expected.npz");
  for (const char* name : {"model_seq64.mlpackage", "model_seq128.mlpackage"}) {
    const auto model = test::opened(out / name, Numerics::fp32);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->info().form, "plain");
    EXPECT_LE(test::largest_error(*model, expected, "1", true), 0.03) << name;
  }
}

}  // namespace
}  // namespace anemone
