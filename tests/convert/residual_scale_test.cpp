// Models whose residual stream passes what the Neural Engine's sums hold: checkpoints of the
// fixtures in which what enters the stream is larger, and one of large matrices with a single
// enlarged channel.

#include <functional>

#include "checkpoint/checkpoint.h"
#include "convert/converted_model.h"
#include "support/safetensors_file.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using runtime::Numerics;

double enlarged(const std::string& name) {
  const bool enters = name.ends_with("embed_tokens.weight") || name.ends_with("o_proj.weight") ||
                      name.ends_with("down_proj.weight");
  return enters ? 0x1p14 : 1;
}

/// The checkpoint with every tensor times its factor, and the head as it was.
void write_scaled(const fs::path& original, const std::function<double(const std::string&)>& factor,
                  const test::ScratchFolder& scratch) {
  const auto opened = checkpoint::open(original);
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  std::vector<NamedTensor> tensors;
  for (const auto& info : opened->weights->tensors()) {
    const Tensor stored = *opened->weights->read(info.name);
    Tensor copy = Tensor::zeros(DType::fp32, info.shape);
    const double times = factor(info.name);
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

/// Norms take out again what all that enters the stream has in common.
TEST_F(ResidualScale, KeepsALargeStreamInsideFp16AndTheLogitsAsTheyWere) {
  write_scaled(original_, enlarged, scratch_);
  for (const char* layout : {"anemone", "anemll", "stateful", "plain"}) {
    SCOPED_TRACE(layout);
    double scale = 0;
    ConvertOptions options{.layout = layout, .context = 128};
    options.residual_scale = 1;
    EXPECT_FALSE(error_of(options, scale) <= 1) << "the stream fits into fp16 as it is";
    options.residual_scale = {};
    const double error = error_of(options, scale);
    RecordProperty(std::string("largest_") + layout, std::to_string(error));
    EXPECT_LE(error, 2 * 0.0357);
    EXPECT_LT(scale, 1);
  }
}

/// Small embeddings, to which epsilon matters, and a last layer that passes the limit: the logits
/// are those that fp32 gives.
TEST_F(ResidualScale, KeepsSmallEmbeddingsBesideALargeLastLayer) {
  const auto opened = checkpoint::open(original_);
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  const auto layers = nlohmann::json::parse(opened->config_json).at("num_hidden_layers");
  const std::string last = "model.layers." + std::to_string(layers.get<int>() - 1) + ".mlp.down";
  write_scaled(
      original_,
      [&](const std::string& name) {
        if (name.ends_with("embed_tokens.weight")) return 0x1p-5;
        return name.starts_with(last) ? 0x1p15 : 1.0;
      },
      scratch_);
  const fs::path exact = scratch_.path() / "exact";
  ASSERT_TRUE(test::converted(scratch_.path() / "large", exact,
                              {.context = 128, .prefill = {16}, .dtype = DType::fp32}));
  const auto model = test::opened(exact, Numerics::fp32);
  ASSERT_NE(model, nullptr);
  for (const char* prompt : {"0", "1", "2"}) {
    const Tensor& positions = expected_.at(std::string("pos") + prompt);
    Tensor& known = expected_.at(std::string("logits") + prompt);
    const auto rows = test::logits_of(*model, expected_, prompt);
    const auto vocab = static_cast<size_t>(model->info().vocab_size);
    known = Tensor::zeros(DType::fp32, known.shape());
    for (int64_t i = 0; i < positions.element_count(); ++i)
      std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(positions.at(i)) *
                                     static_cast<std::ptrdiff_t>(vocab),
                  vocab,
                  known.mutable_values<float>().begin() +
                      static_cast<std::ptrdiff_t>(static_cast<size_t>(i) * vocab));
  }
  double scale = 0;
  ConvertOptions options{.context = 128, .prefill = {16}};
  options.residual_scale = 1;
  EXPECT_FALSE(error_of(options, scale) <= 1) << "the stream fits into fp16 as it is";
  options.residual_scale = {};
  const double error = error_of(options, scale);
  RecordProperty("largest", std::to_string(error));
  EXPECT_LE(error, 2 * 0.0357);
  EXPECT_LT(scale, 1);
}

/// A llama of one layer whose matrices have more than 2^20 elements, with one row set.
class EnlargedRow : public ::testing::Test {
 protected:
  static constexpr int64_t kHidden = 64;
  static constexpr int64_t kWide = 16500;

  double scale_with(const std::string& name, int64_t row, double value) {
    std::vector<NamedTensor> tensors;
    const auto add = [&](const std::string& added, const Shape& shape) {
      Tensor tensor = Tensor::zeros(DType::fp32, shape);
      const bool is_norm = added.ends_with("norm.weight");
      const auto values = tensor.mutable_values<float>();
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = is_norm ? 1.0f : 0.001f * static_cast<float>(i * 2654435761u % 41) - 0.02f;
      if (added == name) {
        const int64_t columns = shape.rank() == 2 ? shape[1] : 1;
        for (int64_t i = 0; i < columns; ++i) tensor.set(row * columns + i, value);
      }
      tensors.push_back({added, tensor});
    };
    const std::string layer = "model.layers.0.";
    add("model.embed_tokens.weight", {kWide, kHidden});
    for (const char* projection : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
      add(layer + "self_attn." + projection + ".weight", {kHidden, kHidden});
      add(layer + "self_attn." + projection + ".bias", {kHidden});
    }
    add(layer + "mlp.gate_proj.weight", {kWide, kHidden});
    add(layer + "mlp.up_proj.weight", {kWide, kHidden});
    add(layer + "mlp.down_proj.weight", {kHidden, kWide});
    add(layer + "input_layernorm.weight", {kHidden});
    add(layer + "post_attention_layernorm.weight", {kHidden});
    add("model.norm.weight", {kHidden});
    const nlohmann::json config = {
        {"model_type", "llama"},      {"hidden_size", kHidden},        {"intermediate_size", kWide},
        {"num_hidden_layers", 1},     {"num_attention_heads", 2},      {"num_key_value_heads", 2},
        {"vocab_size", kWide},        {"max_position_embeddings", 64}, {"rms_norm_eps", 1e-6},
        {"rope_theta", 10000.0},      {"hidden_act", "silu"},          {"attention_bias", true},
        {"tie_word_embeddings", true}};
    scratch_.write("wide/config.json", config.dump());
    scratch_.write("wide/model.safetensors", test::safetensors_bytes(tensors));
    const auto report = convert(scratch_.path() / "wide", scratch_.path() / "out",
                                {.context = 64, .prefill = {8}, .dry_run = true});
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return report.ok() ? report->residual_scale : 0;
  }

  test::ScratchFolder scratch_;
};

TEST_F(EnlargedRow, IsFoundWhereverItIs) {
  EXPECT_EQ(scale_with("", 0, 0), 1);
  EXPECT_LT(scale_with("model.layers.0.mlp.down_proj.weight", 7, 2e4), 1);
}

/// 40000 is a number of fp16, and no sum of the Neural Engine.
TEST_F(EnlargedRow, StaysBelowTheSumsOfTheNeuralEngine) {
  EXPECT_EQ(scale_with("model.embed_tokens.weight", 1, 32000), 1);
  EXPECT_EQ(scale_with("model.embed_tokens.weight", 1, 40000), 0.5);
  EXPECT_EQ(scale_with("model.layers.0.self_attn.o_proj.bias", 3, 40000), 0.5);
}

TEST_F(ResidualScale, LeavesOrdinaryStreamsAlone) {
  for (const char* name : {"gemma2", "gemma3", "gpt2", "granite", "llama", "llama31", "mistral",
                           "olmo2", "phi3", "qwen2", "qwen3", "qwen3_moe", "smollm3"}) {
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
