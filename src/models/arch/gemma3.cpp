#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/gemma_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// Gemma 3, the text model, alone or inside the one that sees: norms on each head of q and k,
/// windows on most layers, which have a rotary embedding of their own that is never scaled.
namespace anemone::models {
namespace {

using checkpoint::ConfigReader;
using checkpoint::TensorSource;

constexpr std::string_view kModelTypes[] = {"gemma3", "gemma3_text"};
constexpr std::string_view kUnused[] = {"*lm_head.weight", "*vision_tower.*",
                                        "*multi_modal_projector.*"};

/// How the text model's tensors are named: alone, inside an older checkpoint, inside a newer one.
struct Names {
  std::string_view prefix;
  std::string_view head;
};
constexpr Names kNames[] = {{"model.", "lm_head"},
                            {"language_model.model.", "language_model.lm_head"},
                            {"model.language_model.", "lm_head"}};

Names names_of(const TensorSource& weights) {
  for (const Names& names : kNames)
    if (weights.find(std::string(names.prefix) + "embed_tokens.weight") != nullptr) return names;
  return kNames[0];
}

struct Ropes {
  ScaledRope global;
  ScaledRope local;
};

/// rope_theta, rope_scaling and rope_local_base_freq, or rope_parameters by kind of layer.
Ropes read_ropes(ConfigReader& config, const TransformerFields& fields) {
  RopeDefaults global{
      .head_dim = fields.head_dim, .max_positions = fields.max_positions, .theta = 1e6};
  RopeDefaults local = global;
  local.theta = config.positive_number("rope_local_base_freq", 1e4);
  auto kinds = config.object("rope_parameters");
  if (!kinds || !kinds->has("full_attention"))
    return {read_rope(config, global), scaled_rope(std::nullopt, local)};
  if (config.has("rope_scaling")) config.reject("rope_scaling", "stands beside rope_parameters");
  config.ignore({"rope_scaling"});
  global.theta = config.positive_number("rope_theta", global.theta);
  return {scaled_rope(kinds->object("full_attention"), global),
          scaled_rope(kinds->object("sliding_attention"), local)};
}

Result<Decoder> read_text(ConfigReader config, const TensorSource& weights) {
  TransformerFields fields = read_transformer_fields(config, weights,
                                                     {.vocab_size = 262208,
                                                      .heads = 8,
                                                      .kv_heads = 4,
                                                      .head_dim = 256,
                                                      .max_positions = 131072,
                                                      .epsilon = 1e-6,
                                                      .tied = true,
                                                      .activation_field = "hidden_activation",
                                                      .activation = "gelu_pytorch_tanh"});
  config.ignore({"hidden_act", "_sliding_window_pattern"});
  config.refuse_if_true("use_bidirectional_attention");
  if (config.optional_number("attn_logit_softcapping"))
    config.refuse("attn_logit_softcapping", "Gemma 3 has none");
  const double query_scalar = config.positive_number("query_pre_attn_scalar", 256);
  const double logits_cap = read_softcap(config, "final_logit_softcapping", std::nullopt);
  const auto window = config.optional_integer("sliding_window", 4096);
  const int64_t pattern = config.integer("sliding_window_pattern", 6);
  std::vector<bool> slides;
  for (int64_t i = 0; i < fields.layers; ++i) slides.push_back((i + 1) % pattern != 0);
  const std::vector<int64_t> windows = read_windows(config, window, slides);
  Ropes ropes = read_ropes(config, fields);
  ANEMONE_RETURN_IF_ERROR(config.finish());

  fields.max_positions = std::min(ropes.global.max_positions, ropes.local.max_positions);
  const Names names = names_of(weights);
  const std::string prefix(names.prefix);
  Decoder decoder =
      pre_norm_decoder(fields, prefix, std::string(names.head), std::move(ropes.global.rope));
  make_gemma(decoder, fields, prefix, query_scalar);
  decoder.ropes.push_back(std::move(ropes.local.rope));
  decoder.logits_softcap = logits_cap;
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    Attention& attention = decoder.layers[i].attention;
    attention.window = windows[i];
    attention.rope = windows[i] > 0 ? 1 : 0;
    add_head_norms(attention, layer_name(prefix, i) + "self_attn", fields.epsilon, 1);
  }
  return decoder;
}

Result<Decoder> read(ConfigReader& config, const TensorSource& weights) {
  if (config.word("model_type") != "gemma3") return read_text(config, weights);
  config.ignore({"vision_config", "mm_tokens_per_image", "boi_token_index", "eoi_token_index",
                 "image_token_index"});
  if (!config.flag("tie_word_embeddings", true))
    config.refuse("tie_word_embeddings", "must be said in text_config");
  auto text = config.object("text_config");
  if (!text) config.reject("text_config", "missing");
  if (!text) return config.finish().error();
  return read_text(*text, weights);
}

}  // namespace

const Architecture k_gemma3 = {kModelTypes, read, kUnused};

}  // namespace anemone::models
