#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// Mistral: LLaMA with a window on every layer.
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"mistral"};

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  TransformerFields fields =
      read_transformer_fields(config, weights, {.has_attention_bias = false});
  const auto window = config.optional_integer("sliding_window", 4096);
  ScaledRope rope =
      read_rope(config, {.head_dim = fields.head_dim, .max_positions = fields.max_positions});
  ANEMONE_RETURN_IF_ERROR(config.finish());
  fields.max_positions = rope.max_positions;
  Decoder decoder = pre_norm_decoder(fields, "model.", "lm_head", std::move(rope.rope));
  for (Layer& layer : decoder.layers) layer.attention.window = window.value_or(0);
  return decoder;
}

}  // namespace

const Architecture k_mistral = {kModelTypes, read, kRotaryTablesAndTiedHead};

}  // namespace anemone::models
