// What the fields of each family mean, by the modeling files of transformers 4.57.1. The bases are
// the fixtures' configs with their own tensors; each test changes what it is about.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "models/architectures.h"
#include "support/header_source.h"
#include "support/shared.h"

namespace anemone::models {
namespace {

using test::HeaderSource;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;
namespace fs = std::filesystem;

std::vector<checkpoint::TensorInfo> tensors_of(const HeaderSource& source) {
  return {source.tensors().begin(), source.tensors().end()};
}

class Family : public ::testing::Test {
 protected:
  void SetUp() override { ANEMONE_NEED_SHARED("fixtures/hf"); }

  void load(const std::string& name) {
    const fs::path folder = test::shared_folder() / "fixtures/hf" / name;
    std::ifstream file(folder / "config.json");
    config = Json::parse(file);
    weights = HeaderSource::of_folder(folder);
  }

  Decoder read() {
    auto decoder = read_decoder(config.dump(), weights);
    EXPECT_TRUE(decoder.ok()) << decoder.error().to_string();
    return decoder.ok() ? *decoder : Decoder();
  }

  void expect_refused(ErrorCode code, const std::string& message) {
    const auto decoder = read_decoder(config.dump(), weights);
    ASSERT_FALSE(decoder.ok()) << message;
    EXPECT_EQ(decoder.error().code, code) << message;
    EXPECT_THAT(decoder.error().to_string(), HasSubstr(message));
  }

  std::vector<int64_t> windows() {
    std::vector<int64_t> result;
    for (const Layer& layer : read().layers) result.push_back(layer.attention.window);
    return result;
  }

  Json config;
  HeaderSource weights{{}};
};

TEST_F(Family, LlamaHasBiasesWhereTheConfigSaysSo) {
  load("llama");
  config["attention_bias"] = true;
  config["mlp_bias"] = true;
  const Decoder decoder = read();
  const Attention& attention = decoder.layers[1].attention;
  ASSERT_TRUE(attention.q.bias && attention.k.bias && attention.v.bias && attention.o.bias);
  EXPECT_EQ(attention.o.bias->name, "model.layers.1.self_attn.o_proj.bias");
  ASSERT_TRUE(decoder.layers[1].mlp->down.bias.has_value());
  EXPECT_EQ(decoder.layers[1].mlp->down.bias->name, "model.layers.1.mlp.down_proj.bias");
}

TEST_F(Family, LlamaFillsInWhatOldConfigsLack) {
  load("llama");
  for (const char* key : {"head_dim", "rope_theta", "attention_bias", "mlp_bias", "rope_scaling",
                          "num_key_value_heads", "hidden_act", "tie_word_embeddings"})
    config.erase(key);
  const Decoder decoder = read();
  EXPECT_EQ(decoder.layers[0].attention.kv_heads, 6);
  EXPECT_EQ(decoder.layers[0].attention.head_dim, 16);
  EXPECT_EQ(decoder.head.weight.name, "lm_head.weight");
  EXPECT_NEAR(decoder.ropes[0].inv_freq[1], std::pow(10000, -2.0 / 16), 1e-12);
  config["num_attention_heads"] = 7;
  expect_refused(ErrorCode::corrupt, "7 heads do not divide hidden_size 96");
}

TEST_F(Family, MistralHasAWindowUnlessItIsNull) {
  load("mistral");
  EXPECT_THAT(windows(), ElementsAre(24, 24, 24));
  config["sliding_window"] = nullptr;
  EXPECT_THAT(windows(), ElementsAre(0, 0, 0));
  config.erase("sliding_window");
  EXPECT_THAT(windows(), ElementsAre(4096, 4096, 4096));
  config["attention_bias"] = true;
  expect_refused(ErrorCode::unsupported, "attention_bias: this family has none");
}

TEST_F(Family, QwenSlidesFromALayerOn) {
  load("qwen2");
  config["sliding_window"] = 32;
  config.erase("layer_types");
  config["max_window_layers"] = 1;
  EXPECT_THAT(windows(), ElementsAre(0, 0, 0));
  config["use_sliding_window"] = true;
  EXPECT_THAT(windows(), ElementsAre(0, 32, 32));
  config["layer_types"] = {"sliding_attention", "full_attention", "full_attention"};
  EXPECT_THAT(windows(), ElementsAre(32, 0, 0));
  config["layer_types"] = {"sliding_attention", "full_attention"};
  expect_refused(ErrorCode::corrupt, "layer_types: 2 entries for 3 layers");
  config["layer_types"] = {"full_attention", "linear_attention", "full_attention"};
  expect_refused(ErrorCode::unsupported, "layer_types: unknown kind \"linear_attention\"");
  config["layer_types"] = {"sliding_attention", "full_attention", "full_attention"};
  config["use_sliding_window"] = false;
  expect_refused(ErrorCode::corrupt, "without a sliding_window in use");
}

TEST_F(Family, Qwen2HasBiasesOnQueriesKeysAndValues) {
  load("qwen2");
  const Attention attention = read().layers[0].attention;
  EXPECT_EQ(attention.v.bias->name, "model.layers.0.self_attn.v_proj.bias");
  EXPECT_TRUE(attention.q.bias && attention.k.bias);
  EXPECT_FALSE(attention.o.bias);
}

TEST_F(Family, Qwen3NormalisesEachHead) {
  load("qwen3");
  const Attention attention = read().layers[2].attention;
  EXPECT_EQ(attention.k_norm->weight.name, "model.layers.2.self_attn.k_norm.weight");
  EXPECT_FALSE(attention.norm_spans_heads);
  EXPECT_NEAR(attention.scale, 1 / std::sqrt(32.0), 1e-15);
}

TEST_F(Family, ExpertsSitWhereTheStepAndTheListSay) {
  load("qwen3_moe");
  Decoder decoder = read();
  EXPECT_TRUE(decoder.layers[0].experts && !decoder.layers[0].mlp);
  EXPECT_TRUE(decoder.layers[1].mlp && !decoder.layers[1].experts);
  const MixtureOfExperts& experts = *decoder.layers[2].experts;
  EXPECT_EQ(experts.experts.size(), 8u);
  EXPECT_EQ(experts.experts_per_token, 2);
  EXPECT_TRUE(experts.normalises);
  EXPECT_EQ(experts.experts[7].down.weight.name, "model.layers.2.mlp.experts.7.down_proj.weight");
  EXPECT_EQ(experts.experts[7].down.in, 40);
  EXPECT_EQ(experts.router.out, 8);

  config["mlp_only_layers"] = nullptr;
  config["decoder_sparse_step"] = 2;
  config.erase("norm_topk_prob");
  decoder = read();
  EXPECT_TRUE(decoder.layers[0].mlp && decoder.layers[1].experts && decoder.layers[2].mlp);
  EXPECT_FALSE(decoder.layers[1].experts->normalises);
  config["num_experts_per_tok"] = 9;
  expect_refused(ErrorCode::corrupt, "num_experts_per_tok: more than num_experts");
}

TEST_F(Family, Gemma2CapsAndAlternates) {
  load("gemma2");
  Decoder decoder = read();
  EXPECT_EQ(decoder.embedding_scale, static_cast<double>(std::sqrt(72.0f)));
  EXPECT_EQ(decoder.logits_softcap, 8);
  EXPECT_EQ(decoder.final_norm.weight.offset, 1);
  const Layer& layer = decoder.layers[0];
  EXPECT_EQ(layer.attention.softcap, 5);
  EXPECT_NEAR(layer.attention.scale, 1 / std::sqrt(18.0), 1e-15);
  EXPECT_EQ(layer.attention_post_norm->weight.name,
            "model.layers.0.post_attention_layernorm.weight");
  EXPECT_EQ(layer.mlp_pre_norm->weight.name, "model.layers.0.pre_feedforward_layernorm.weight");
  EXPECT_EQ(layer.mlp_post_norm->weight.name, "model.layers.0.post_feedforward_layernorm.weight");
  EXPECT_EQ(layer.mlp->activation, Activation::gelu_tanh);
  config.erase("layer_types");
  config["final_logit_softcapping"] = nullptr;
  EXPECT_THAT(windows(), ElementsAre(16, 0, 16, 0));
  EXPECT_EQ(read().logits_softcap, 0);
  config["attn_logit_softcapping"] = 0;
  expect_refused(ErrorCode::corrupt, "attn_logit_softcapping: expected a number above 0");
}

TEST_F(Family, Gemma3HasTwoRopes) {
  load("gemma3");
  const Decoder decoder = read();
  ASSERT_EQ(decoder.ropes.size(), 2u);
  std::vector<int64_t> ropes;
  for (const Layer& layer : decoder.layers) ropes.push_back(layer.attention.rope);
  EXPECT_THAT(ropes, ElementsAre(1, 1, 0, 1));
  EXPECT_THAT(windows(), ElementsAre(16, 16, 0, 16));
  EXPECT_EQ(decoder.layers[0].attention.q_norm->weight.offset, 1);
  config.erase("layer_types");
  config["sliding_window_pattern"] = 2;
  EXPECT_THAT(windows(), ElementsAre(16, 0, 16, 0));
  config["use_bidirectional_attention"] = true;
  expect_refused(ErrorCode::unsupported, "use_bidirectional_attention: true");
}

TEST_F(Family, Gemma3IsFoundInsideTheOneThatSees) {
  load("gemma3");
  const std::vector<checkpoint::TensorInfo> alone = tensors_of(weights);
  Json whole = {{"model_type", "gemma3"},
                {"text_config", config},
                {"vision_config", {{"hidden_size", 4}}},
                {"mm_tokens_per_image", 256}};
  config = whole;
  for (const std::string prefix : {"language_model.model.", "model.language_model."}) {
    std::vector<checkpoint::TensorInfo> tensors = alone;
    for (auto& tensor : tensors) tensor.name.replace(0, std::string("model.").size(), prefix);
    tensors.push_back({"vision_tower.patch.weight", DType::fp32, {4, 4}});
    tensors.push_back({"model.multi_modal_projector.mm_soft_emb_norm.weight", DType::fp32, {4}});
    weights = HeaderSource(tensors);
    const Decoder decoder = read();
    EXPECT_EQ(decoder.embedding.name, prefix + "embed_tokens.weight");
    const Status fits = check_weights(decoder, weights);
    EXPECT_TRUE(fits.ok()) << fits.error().to_string();
  }
  config["text_config"]["new_trick"] = 1;
  expect_refused(ErrorCode::unsupported, "text_config.new_trick: unknown field (1)");
  config.erase("text_config");
  expect_refused(ErrorCode::corrupt, "text_config: missing");
}

TEST_F(Family, Phi3CutsFusedProjections) {
  load("phi3");
  const Decoder decoder = read();
  const Attention& attention = decoder.layers[1].attention;
  EXPECT_EQ(
      attention.k.weight,
      (WeightRef{.name = "model.layers.1.self_attn.qkv_proj.weight", .first_row = 72, .rows = 36}));
  EXPECT_EQ(attention.v.weight.first_row, 108);
  EXPECT_EQ(attention.window, 40);
  const Mlp& mlp = *decoder.layers[1].mlp;
  EXPECT_EQ(mlp.gate->weight.first_row, 0);
  EXPECT_EQ(mlp.up.weight.first_row, 152);
  EXPECT_EQ(mlp.up.weight.rows, 152);
  config["partial_rotary_factor"] = 0.5;
  EXPECT_EQ(read().ropes[0].inv_freq.size(), 3u);
  config["lm_head_bias"] = true;
  expect_refused(ErrorCode::unsupported, "lm_head_bias: true");
}

TEST_F(Family, SmolLm3LeavesTheRopeOut) {
  load("smollm3");
  const auto ropes = [&] {
    std::vector<int64_t> result;
    for (const Layer& layer : read().layers) result.push_back(layer.attention.rope);
    return result;
  };
  EXPECT_THAT(ropes(), ElementsAre(0, -1, 0, -1));
  config.erase("no_rope_layers");
  EXPECT_THAT(ropes(), ElementsAre(0, 0, 0, -1));
  EXPECT_EQ(read().head.weight, read().embedding);
  config.erase("layer_types");
  config["sliding_window"] = 8;
  config["use_sliding_window"] = true;
  EXPECT_THAT(windows(), ElementsAre(0, 0, 0, 8));
  config["no_rope_layers"] = {1, 0};
  expect_refused(ErrorCode::corrupt, "no_rope_layers: expected one entry for each layer");
}

TEST_F(Family, Olmo2NormalisesAfterwards) {
  load("olmo2");
  const Decoder decoder = read();
  const Layer& layer = decoder.layers[0];
  EXPECT_FALSE(layer.attention_pre_norm || layer.mlp_pre_norm);
  EXPECT_EQ(layer.attention_post_norm->weight.name,
            "model.layers.0.post_attention_layernorm.weight");
  EXPECT_EQ(layer.mlp_post_norm->weight.name, "model.layers.0.post_feedforward_layernorm.weight");
  EXPECT_TRUE(layer.attention.norm_spans_heads);
}

TEST_F(Family, GraniteMultiplies) {
  load("granite");
  const Decoder decoder = read();
  EXPECT_EQ(decoder.embedding_scale, 12);
  EXPECT_EQ(decoder.logits_scale, 1 / 0.8);
  EXPECT_EQ(decoder.layers[0].attention.scale, 0.15);
  EXPECT_EQ(decoder.layers[0].residual_multiplier, 0.4);
}

TEST_F(Family, Gpt2ReadsTransposedFusedWeights) {
  load("gpt2");
  Decoder decoder = read();
  const Attention& attention = decoder.layers[2].attention;
  EXPECT_EQ(attention.k.weight, (WeightRef{.name = "transformer.h.2.attn.c_attn.weight",
                                           .first_row = 60,
                                           .rows = 60,
                                           .transposed = true}));
  EXPECT_EQ(attention.v.bias,
            (WeightRef{.name = "transformer.h.2.attn.c_attn.bias", .first_row = 120, .rows = 60}));
  EXPECT_EQ(decoder.position_embedding->name, "transformer.wpe.weight");
  EXPECT_EQ(decoder.layers[2].mlp->up.out, 240);
  EXPECT_EQ(decoder.layers[2].mlp->activation, Activation::gelu_tanh);
  EXPECT_EQ(attention.rope, -1);
  EXPECT_NEAR(attention.scale, 1 / std::sqrt(20.0), 1e-15);

  config["scale_attn_weights"] = false;
  config["scale_attn_by_inverse_layer_idx"] = true;
  EXPECT_NEAR(read().layers[2].attention.scale, 1 / 3.0, 1e-15);
  config["add_cross_attention"] = true;
  expect_refused(ErrorCode::unsupported, "add_cross_attention: true");
}

TEST_F(Family, Gpt2MayLackItsPrefixAndHoldMasks) {
  load("gpt2");
  auto tensors = tensors_of(weights);
  for (auto& tensor : tensors) tensor.name.erase(0, std::string("transformer.").size());
  tensors.push_back({"h.0.attn.bias", DType::uint8, {1, 1, 256, 256}});
  weights = HeaderSource(tensors);
  const Decoder decoder = read();
  EXPECT_EQ(decoder.embedding.name, "wte.weight");
  const Status fits = check_weights(decoder, weights);
  EXPECT_TRUE(fits.ok()) << fits.error().to_string();
}

}  // namespace
}  // namespace anemone::models
