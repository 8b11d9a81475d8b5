// Every checkpoint of the fixtures, converted, against the logits of transformers. Tolerances:
// those of fixtures/hf/README.md.

#include "convert/converted_model.h"
#include "convert/layouts.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using runtime::Numerics;

struct Fixture {
  const char* name;
  double fp16_error;        ///< column "fp16 err" of the README.
  bool has_anemll = false;  ///< whether ANEMLL's tools know the family.
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

  /// `bound`: for log-probabilities; of greedy tokens, those must be equal whose margin is above
  /// it.
  void expect_near(const fs::path& out, Numerics numerics, double bound, const char* form) {
    const auto model = test::opened(out, numerics);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->info().form, form);
    EXPECT_EQ(model->info().context_length, 160);
    double largest = 0;
    for (const char* prompt : {"0", "1", "2"})
      largest = std::max(largest, test::largest_error(*model, expected_, prompt, true));
    RecordProperty((bound < 0.01 ? "largest_of_fp32_package_in_" : "largest_of_fp16_package_in_") +
                       std::string(to_string(numerics)),
                   std::to_string(largest));
    EXPECT_LE(largest, bound);
    test::expect_greedy(*model, expected_, folder_ / "greedy.json",
                        numerics == Numerics::fp32 && bound < 0.01 ? 0 : bound);
  }

  /// The fp32 package, then the fp16 package in both numerics.
  void expect_layout(ConvertOptions options, const char* form, double fp16_bound,
                     const char* file = "out") {
    if (options.lengths.empty()) options.context = 160;
    options.dtype = DType::fp32;
    ASSERT_TRUE(test::converted(folder_, scratch_.path() / "fp32" / file, options));
    expect_near(scratch_.path() / "fp32" / file, Numerics::fp32, 2e-3, form);
    options.dtype = DType::fp16;
    const fs::path out = scratch_.path() / file;
    ASSERT_TRUE(test::converted(folder_, out, options));
    expect_near(out, Numerics::fp32, fp16_bound, form);
    expect_near(out, Numerics::fp16, 2 * GetParam().fp16_error, form);
  }

  fs::path folder_;
  test::Arrays expected_;
  test::ScratchFolder scratch_;
};

TEST_P(Converted, S3_14_LayoutAnemoneHasTheLogitsOfTransformers) {
  fs::create_directory(scratch_.path() / "fp32");
  expect_layout({.prefill = {16}}, "anemone", 0.03);
}

TEST_P(Converted, S3_14_LayoutAnemoneInChunksHasTheLogitsOfTransformers) {
  const fs::path out = scratch_.path() / "out";
  ASSERT_TRUE(test::converted(folder_, out, {.context = 160, .prefill = {16}, .chunks = 3}));
  expect_near(out, Numerics::fp32, 0.03, "anemone");
}

TEST_P(Converted, S3_14_LayoutStatefulHasTheLogitsOfTransformers) {
  fs::create_directory(scratch_.path() / "fp32");
  expect_layout({.layout = "stateful"}, "stateful", 0.08);
}

TEST_P(Converted, S3_14_LayoutPlainHasTheLogitsOfTransformers) {
  fs::create_directory(scratch_.path() / "fp32");
  expect_layout({.layout = "plain"}, "plain", 0.03);
}

TEST_P(Converted, S3_56_LayoutPlainHasTheLogitsOfTransformersAtEnumeratedLengths) {
  fs::create_directory(scratch_.path() / "fp32");
  expect_layout({.layout = "plain", .lengths = {16, 40, 160}}, "plain", 0.08, "one.mlpackage");
}

TEST_P(Converted, S3_14_LayoutAnemllHasTheLogitsOfTransformers) {
  const fs::path out = scratch_.path() / "out";
  const ConvertOptions options{.layout = "anemll", .context = 160, .prefill = {16}};
  if (!GetParam().has_anemll) {
    const auto refused = convert(folder_, out, options);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_NE(refused.error().hint.find("anemone"), std::string::npos);
    EXPECT_FALSE(fs::exists(out));
    return;
  }
  ASSERT_TRUE(test::converted(folder_, out, options));
  expect_near(out, Numerics::fp32, 0.03, "anemll");
  expect_near(out, Numerics::fp16, 2 * GetParam().fp16_error, "anemll");
}

constexpr Fixture kFixtures[] = {
    {"gemma2", 0.0432},      {"gemma3", 0.0404, true}, {"gpt2", 0.0264},
    {"granite", 0.0434},     {"llama", 0.0636, true},  {"llama31", 0.0448, true},
    {"mistral", 0.041},      {"olmo2", 0.0175},        {"phi3", 0.0568},
    {"qwen2", 0.0631, true}, {"qwen3", 0.0357, true},  {"qwen3_moe", 0.071},
    {"smollm3", 0.096}};

INSTANTIATE_TEST_SUITE_P(HuggingFace, Converted, ::testing::ValuesIn(kFixtures),
                         [](const auto& fixture) { return std::string(fixture.param.name); });

TEST(ConvertedFixtures, NoneIsLeftOut) {
  const fs::path folder = test::shared_folder() / "fixtures/hf";
  ANEMONE_NEED_SHARED(folder);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    const auto is_this = [&](const Fixture& fixture) {
      return entry.path().filename() == fixture.name;
    };
    EXPECT_EQ(std::ranges::count_if(kFixtures, is_this), 1) << entry.path();
  }
}

/// Whatever layouts.inc lists: a line of it needs no change here.
TEST(ConvertedLayouts, EveryOneOfTheListHasTheLogitsOfTransformers) {
  const fs::path folder = test::shared_folder() / "fixtures/hf/qwen3";
  ANEMONE_NEED_SHARED(folder);
  const test::Arrays expected = test::read_arrays(folder / "expected.npz");
  ASSERT_FALSE(converter::layouts().empty());
  for (const converter::Layout& layout : converter::layouts()) {
    SCOPED_TRACE(layout.name);
    const test::ScratchFolder scratch;
    ASSERT_TRUE(test::converted(folder, scratch.path() / "out",
                                {.layout = std::string(layout.name), .context = 160}));
    const auto model = test::opened(scratch.path() / "out", Numerics::fp32);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->info().form, layout.name);
    for (const char* prompt : {"0", "1", "2"})
      EXPECT_LE(test::largest_error(*model, expected, prompt, true), 0.03) << prompt;
  }
}

/// The blocks that carry a prompt leave the cache as single steps do.
TEST(ConvertedBlocks, LeaveTheCacheOfSingleSteps) {
  const fs::path folder = test::shared_folder() / "fixtures/hf/qwen3";
  ANEMONE_NEED_SHARED(folder);
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(folder, out, {.context = 128, .prefill = {32, 4}, .chunks = 3}));
  const auto model = test::opened(out, Numerics::fp32);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().form, "anemone");
  EXPECT_EQ(model->info().context_length, 128);
  EXPECT_EQ(model->info().prefill_block_tokens, 32);
  const test::Arrays expected = test::read_arrays(folder / "expected.npz");
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < expected.at("ids2").element_count(); ++i)
    ids.push_back(static_cast<int32_t>(expected.at("ids2").at(i)));
  std::vector<float> last(static_cast<size_t>(model->info().vocab_size));
  const auto sequence = model->new_sequence();
  ASSERT_TRUE(model->extend(*sequence, ids, lm::Rows::last, last).ok());
  // 119 tokens before the last: three blocks of 32, five of 4 and three steps.
  EXPECT_EQ(model->counters().prefill_tokens, 116u);
  EXPECT_EQ(model->counters().step_tokens, 4u);
  const auto known = expected.at("logits2").values<float>();
  const auto want = test::log_softmax(known.last(last.size()));
  const auto got = test::log_softmax(last);
  for (size_t v = 0; v < want.size(); ++v) ASSERT_NEAR(got[v], want[v], 0.03) << v;
}

struct Other {
  const char* folder;
  const char* base;  ///< of an adapter; null: the folder is a whole checkpoint.
  /// Column "fp16 err" of the model that it adapts or is made like; where an adapter makes it much
  /// worse, what transformers loses with all in fp16.
  double fp16_error;
  /// Of the fp16 package in fp32 numerics: 0.03, or what rounding these weights to fp16 and nothing
  /// else costs transformers itself (tests/golden/rounding_cost.py: 0.0470).
  double rounding_bound = 0.03;
};

std::ostream& operator<<(std::ostream& stream, const Other& other) {
  return stream << other.folder;
}

class ConvertedOther : public ::testing::TestWithParam<Other> {
 protected:
  void SetUp() override {
    const fs::path fixtures = test::shared_folder() / "fixtures";
    if (!fs::exists(fixtures)) GTEST_SKIP() << "no fixtures: " << fixtures;
    folder_ = fixtures / "checkpoints" / GetParam().folder;
    source_ = GetParam().base != nullptr ? fixtures / "hf" / GetParam().base : folder_;
    expected_ = test::read_arrays(folder_ / "expected.npz");
  }

  fs::path convert_to(const char* name, ConvertOptions options) {
    if (GetParam().base != nullptr) options.adapter = folder_;
    EXPECT_TRUE(test::converted(source_, scratch_.path() / name, options));
    return scratch_.path() / name;
  }

  void expect_near(const fs::path& out, Numerics numerics, double bound, const char* property) {
    const auto model = test::opened(out, numerics);
    ASSERT_NE(model, nullptr);
    double largest = 0;
    for (int i = 0; expected_.contains("ids" + std::to_string(i)); ++i)
      largest = std::max(largest, test::largest_error(*model, expected_, std::to_string(i), true));
    RecordProperty(property, std::to_string(largest));
    EXPECT_LE(largest, bound) << property;
    test::expect_greedy(*model, expected_, folder_ / "greedy.json", bound < 0.01 ? 0 : bound);
  }

  fs::path folder_;
  fs::path source_;
  test::Arrays expected_;
  test::ScratchFolder scratch_;
};

/// Adapters are merged, quantised weights unpacked, and other files read.
TEST_P(ConvertedOther, S3_1_S3_10_HasTheLogitsOfTransformers) {
  const fs::path out = convert_to("out", {.context = 160, .prefill = {16}, .dtype = DType::fp32});
  expect_near(out, Numerics::fp32, 2e-3, "largest_fp32");
}

TEST_P(ConvertedOther, S3_1_S3_10_HasTheLogitsOfTransformersInFp16) {
  const fs::path out = convert_to("out", {.context = 160, .prefill = {16}});
  expect_near(out, Numerics::fp32, GetParam().rounding_bound, "largest_of_fp16_package_in_fp32");
  expect_near(out, Numerics::fp16, 2 * GetParam().fp16_error, "largest_of_fp16_package_in_fp16");
  const fs::path stateful = convert_to("stateful", {.layout = "stateful", .context = 160});
  expect_near(stateful, Numerics::fp32, 0.08, "largest_of_stateful_package_in_fp32");
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, ConvertedOther,
                         ::testing::Values(Other{"bin_llama", nullptr, 0.0636},
                                           Other{"mlx_mixed_llama", nullptr, 0.0636},
                                           Other{"mlx_q4_qwen3", nullptr, 0.0357},
                                           Other{"mlx_q8_llama31", nullptr, 0.0448},
                                           Other{"train_qwen3", nullptr, 0.0357},
                                           Other{"mlx_lora_qwen3", "qwen3", 0.0357},
                                           Other{"npz_lora_llama", "llama", 0.0636},
                                           Other{"npz_lora_qwen3_t", "qwen3", 0.0357},
                                           Other{"peft_dora_qwen3", "qwen3", 0.0357},
                                           Other{"peft_lmhead_llama31", "llama31", 0.0448},
                                           Other{"peft_lora_qwen3", "qwen3", 0.0357},
                                           Other{"peft_patterns_llama", "llama", 0.1935, 0.0475}),
                         [](const auto& other) { return std::string(other.param.folder); });

}  // namespace
}  // namespace anemone
