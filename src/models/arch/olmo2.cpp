#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// OLMo 2: norms after attention and MLP in place of before, q and k normalised over all heads
/// together.
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"olmo2"};

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  TransformerFields fields = read_transformer_fields(config, weights, {.kv_heads_as_heads = true});
  ScaledRope rope =
      read_rope(config, {.head_dim = fields.head_dim, .max_positions = fields.max_positions});
  ANEMONE_RETURN_IF_ERROR(config.finish());
  fields.max_positions = rope.max_positions;
  Decoder decoder = pre_norm_decoder(fields, "model.", "lm_head", std::move(rope.rope));
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    Layer& layer = decoder.layers[i];
    const std::string name = layer_name("model.", i);
    layer.attention_pre_norm.reset();
    layer.mlp_pre_norm.reset();
    layer.attention_post_norm = rms_norm(name + "post_attention_layernorm", fields.epsilon);
    layer.mlp_post_norm = rms_norm(name + "post_feedforward_layernorm", fields.epsilon);
    add_head_norms(layer.attention, name + "self_attn", fields.epsilon);
    layer.attention.norm_spans_heads = true;
  }
  return decoder;
}

}  // namespace

const Architecture k_olmo2 = {kModelTypes, read, kRotaryTablesAndTiedHead};

}  // namespace anemone::models
