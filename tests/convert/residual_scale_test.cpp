// A model whose residual stream passes what fp16 holds: a checkpoint of the fixtures in which all
// that enters the stream is some power of two larger. Norms take that out again, so its logits are
// those of the original.

#include "checkpoint/checkpoint.h"
#include "convert/converted_model.h"
#include "support/safetensors_file.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using runtime::Numerics;

bool enters_stream(const std::string& name) {
  return name.ends_with("embed_tokens.weight") || name.ends_with("o_proj.weight") ||
         name.ends_with("down_proj.weight");
}

/// The checkpoint with what enters the stream times `factor`, and the head as it was.
void write_enlarged(const fs::path& original, double factor, const test::ScratchFolder& scratch) {
  const auto opened = checkpoint::open(original);
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  std::vector<NamedTensor> tensors;
  for (const auto& info : opened->weights->tensors()) {
    const Tensor stored = *opened->weights->read(info.name);
    Tensor copy = Tensor::zeros(DType::fp32, info.shape);
    const double times = enters_stream(info.name) ? factor : 1;
    for (int64_t i = 0; i < copy.element_count(); ++i) copy.set(i, stored.at(i) * times);
    tensors.push_back({info.name, copy});
    if (!info.name.ends_with("embed_tokens.weight")) continue;
    Tensor head = Tensor::zeros(DType::fp32, info.shape);
    for (int64_t i = 0; i < head.element_count(); ++i) head.set(i, stored.at(i));
    tensors.push_back({"lm_head.weight", head});
  }
  auto config = nlohmann::json::parse(opened->config_json);
  config["tie_word_embeddings"] = false;
  scratch.write("large/config.json", config.dump());
  scratch.write("large/model.safetensors", test::safetensors_bytes(tensors));
  fs::copy_file(original / "tokenizer.json", scratch.path() / "large/tokenizer.json");
}

class ResidualScale : public ::testing::Test {
 protected:
  void SetUp() override {
    original_ = test::shared_folder() / "fixtures/hf/qwen3";
    if (!fs::exists(original_)) GTEST_SKIP() << "no fixtures: " << original_;
    expected_ = test::read_arrays(original_ / "expected.npz");
  }

  double error_of(const ConvertOptions& options, double& scale) {
    const fs::path out = scratch_.path() / "out";
    fs::remove_all(out);
    const auto report = convert(scratch_.path() / "large", out, options);
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    if (!report.ok()) return 1e9;
    scale = report->residual_scale;
    const auto model = test::opened(out, Numerics::fp16);
    if (model == nullptr) return 1e9;
    double largest = 0;
    for (const char* prompt : {"0", "1", "2"})
      largest = std::max(largest, test::largest_error(*model, expected_, prompt, true));
    return largest;
  }

  fs::path original_;
  test::Arrays expected_;
  test::ScratchFolder scratch_;
};

TEST_F(ResidualScale, KeepsALargeStreamInsideFp16AndTheLogitsAsTheyWere) {
  write_enlarged(original_, 0x1p14, scratch_);
  for (const char* layout : {"anemone", "anemll", "stateful", "plain"}) {
    SCOPED_TRACE(layout);
    double scale = 0;
    ConvertOptions options{.layout = layout, .context = 128, .prefill = {16}};
    options.residual_scale = 1;
    EXPECT_FALSE(error_of(options, scale) <= 1) << "the stream fits into fp16 as it is";
    options.residual_scale = {};
    const double error = error_of(options, scale);
    RecordProperty(std::string("largest_") + layout, std::to_string(error));
    EXPECT_LE(error, 2 * 0.0357);
    EXPECT_LT(scale, 1);
  }
}

TEST_F(ResidualScale, LeavesOrdinaryStreamsAlone) {
  for (const char* name : {"gemma2", "gemma3", "gpt2", "granite", "llama", "qwen3", "qwen3_moe"}) {
    const auto report = convert(original_.parent_path() / name, scratch_.path() / "out",
                                {.context = 64, .dry_run = true});
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_EQ(report->residual_scale, 1) << name;
  }
}

TEST_F(ResidualScale, IsAPowerOfTwoAndNeedsNorms) {
  ConvertOptions options{.context = 64, .dry_run = true};
  options.residual_scale = 0.3;
  const auto odd = convert(original_, scratch_.path() / "out", options);
  ASSERT_FALSE(odd.ok());
  EXPECT_EQ(odd.error().code, ErrorCode::invalid_argument);
  options.residual_scale = 0.25;
  const auto bare = convert(original_.parent_path() / "olmo2", scratch_.path() / "out", options);
  ASSERT_FALSE(bare.ok());
  EXPECT_EQ(bare.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace anemone
