#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// LLaMA 1 to 3.x: RMS norms before attention and MLP, gated MLP, one rotary embedding.
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"llama"};

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  TransformerFields fields =
      read_transformer_fields(config, weights, {.kv_heads_as_heads = true, .has_mlp_bias = true});
  config.refuse_if_true("rope_interleaved");
  config.ignore({"is_llama_config"});
  ScaledRope rope =
      read_rope(config, {.head_dim = fields.head_dim, .max_positions = fields.max_positions});
  ANEMONE_RETURN_IF_ERROR(config.finish());
  fields.max_positions = rope.max_positions;
  return pre_norm_decoder(fields, "model.", "lm_head", std::move(rope.rope));
}

}  // namespace

const Architecture k_llama = {kModelTypes, read, kRotaryTablesAndTiedHead};

}  // namespace anemone::models
