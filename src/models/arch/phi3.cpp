#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// Phi 3 and 4-mini: LLaMA with q, k and v in one projection, gate and up in another.
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"phi3"};

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  TransformerFields fields = read_transformer_fields(
      config, weights, {.kv_heads_as_heads = true, .has_attention_bias = false});
  const auto window = config.optional_integer("sliding_window");
  config.refuse_if_true("lm_head_bias");
  for (const char* key : {"full_attn_mod", "interpolate_factor"})
    if (config.integer(key, 1) != 1) config.refuse(key, "only 1 is supported");
  auto scaling = config.object("rope_scaling");
  if (scaling && scaling->word("type", "") == "yarn")
    scaling->refuse("type", "yarn stood for longrope in old Phi 3 configs; say which is meant");
  ScaledRope rope = read_rope(config, {.head_dim = fields.head_dim,
                                       .max_positions = fields.max_positions,
                                       .allows_partial = true,
                                       .original_max_positions = config.optional_integer(
                                           "original_max_position_embeddings", 4096)});
  ANEMONE_RETURN_IF_ERROR(config.finish());
  fields.max_positions = rope.max_positions;
  Decoder decoder = pre_norm_decoder(fields, "model.", "lm_head", std::move(rope.rope));
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    const std::string name = layer_name("model.", i);
    Layer& layer = decoder.layers[i];
    Attention& attention = layer.attention;
    attention.window = window.value_or(0);
    int64_t row = 0;
    for (Linear* part : {&attention.q, &attention.k, &attention.v}) {
      *part = linear_rows(name + "self_attn.qkv_proj", part->in, row, part->out);
      row += part->out;
    }
    const std::string fused = name + "mlp.gate_up_proj";
    layer.mlp->gate = linear_rows(fused, fields.hidden_size, 0, fields.mlp_size);
    layer.mlp->up = linear_rows(fused, fields.hidden_size, fields.mlp_size, fields.mlp_size);
  }
  return decoder;
}

}  // namespace

const Architecture k_phi3 = {kModelTypes, read, kRotaryTablesAndTiedHead};

}  // namespace anemone::models
