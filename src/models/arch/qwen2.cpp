#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// Qwen 2 and 2.5: LLaMA with biases on q, k and v; the later layers may see a window only.
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"qwen2"};

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  TransformerFields fields =
      read_transformer_fields(config, weights, {.has_attention_bias = false});
  const std::vector<int64_t> windows = read_late_windows(config, fields.layers);
  config.refuse_if_true("use_mrope");
  ScaledRope rope =
      read_rope(config, {.head_dim = fields.head_dim, .max_positions = fields.max_positions});
  ANEMONE_RETURN_IF_ERROR(config.finish());
  fields.max_positions = rope.max_positions;
  Decoder decoder = pre_norm_decoder(fields, "model.", "lm_head", std::move(rope.rope));
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    Attention& attention = decoder.layers[i].attention;
    attention.window = windows[i];
    for (Linear* linear : {&attention.q, &attention.k, &attention.v}) add_bias(*linear);
  }
  return decoder;
}

}  // namespace

const Architecture k_qwen2 = {kModelTypes, read, kRotaryTablesAndTiedHead};

}  // namespace anemone::models
