#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/gemma_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// Gemma 2: capped scores and logits, a window on every other layer.
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"gemma2"};

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  TransformerFields fields = read_transformer_fields(config, weights,
                                                     {.head_dim = 256,
                                                      .tied = true,
                                                      .activation_field = "hidden_activation",
                                                      .activation = "gelu_pytorch_tanh"});
  config.ignore({"hidden_act"});
  config.refuse_if_true("use_bidirectional_attention");
  const double query_scalar = config.positive_number("query_pre_attn_scalar", 256);
  const double score_cap = read_softcap(config, "attn_logit_softcapping", 50);
  const double logits_cap = read_softcap(config, "final_logit_softcapping", 30);
  const auto window = config.optional_integer("sliding_window", 4096);
  std::vector<bool> slides;
  for (int64_t i = 0; i < fields.layers; ++i) slides.push_back(i % 2 == 0);
  const std::vector<int64_t> windows = read_windows(config, window, slides);
  ScaledRope rope =
      read_rope(config, {.head_dim = fields.head_dim, .max_positions = fields.max_positions});
  ANEMONE_RETURN_IF_ERROR(config.finish());
  fields.max_positions = rope.max_positions;
  Decoder decoder = pre_norm_decoder(fields, "model.", "lm_head", std::move(rope.rope));
  make_gemma(decoder, fields, "model.", query_scalar);
  decoder.logits_softcap = logits_cap;
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    decoder.layers[i].attention.softcap = score_cap;
    decoder.layers[i].attention.window = windows[i];
  }
  return decoder;
}

}  // namespace

const Architecture k_gemma2 = {kModelTypes, read, kRotaryTablesAndTiedHead};

}  // namespace anemone::models
