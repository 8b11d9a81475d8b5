#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// Granite: LLaMA with four multipliers.
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"granite"};

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  TransformerFields fields =
      read_transformer_fields(config, weights, {.kv_heads_as_heads = true, .has_mlp_bias = true});
  const double embedding_multiplier = config.number("embedding_multiplier", 1);
  const double attention_multiplier = config.number("attention_multiplier", 1);
  const double residual_multiplier = config.number("residual_multiplier", 1);
  const double logits_scaling = config.positive_number("logits_scaling", 1);
  ScaledRope rope =
      read_rope(config, {.head_dim = fields.head_dim, .max_positions = fields.max_positions});
  ANEMONE_RETURN_IF_ERROR(config.finish());
  fields.max_positions = rope.max_positions;
  Decoder decoder = pre_norm_decoder(fields, "model.", "lm_head", std::move(rope.rope));
  decoder.embedding_scale = embedding_multiplier;
  decoder.logits_scale = 1 / logits_scaling;
  for (Layer& layer : decoder.layers) {
    layer.attention.scale = attention_multiplier;
    layer.residual_multiplier = residual_multiplier;
  }
  return decoder;
}

}  // namespace

const Architecture k_granite = {kModelTypes, read, kRotaryTablesAndTiedHead};

}  // namespace anemone::models
