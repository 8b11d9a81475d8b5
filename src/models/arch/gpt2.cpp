#include <cmath>

#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/transformer_fields.h"

/// GPT-2: learned positions, layer norms, q, k and v in one projection, all matrices stored
/// [in, out].
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"gpt2"};
constexpr std::string_view kUnused[] = {"*h.*.attn.bias", "*h.*.attn.masked_bias",
                                        "lm_head.weight"};

struct Fields {
  int64_t vocab_size, positions, hidden_size, layers, heads, mlp_size;
  double epsilon;
  Activation activation;
  bool tied, scales, scales_by_layer;
};

Fields read_fields(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  constexpr checkpoint::IntegerRange kSize = {1, 1 << 30};
  Fields fields{};
  fields.vocab_size = config.integer("vocab_size", {}, kSize);
  fields.positions = config.integer("n_positions");
  fields.hidden_size = config.integer("n_embd", {}, kSize);
  fields.layers = config.integer("n_layer", {}, {1, 4096});
  fields.heads = config.integer("n_head");
  fields.mlp_size = config.optional_integer("n_inner", {}, kSize).value_or(4 * fields.hidden_size);
  fields.epsilon = config.positive_number("layer_norm_epsilon", 1e-5);
  fields.activation = read_activation(config, "activation_function", "gelu_new");
  fields.tied = config.flag("tie_word_embeddings", true);
  fields.scales = config.flag("scale_attn_weights", true);
  fields.scales_by_layer = config.flag("scale_attn_by_inverse_layer_idx", false);
  // The order of scaling and the heads for other tasks change no logits.
  config.ignore({"reorder_and_upcast_attn", "n_ctx", "summary_activation", "summary_first_dropout",
                 "summary_proj_to_labels", "summary_type", "summary_use_proj"});
  refuse_other_forms(config);
  if (fields.hidden_size % fields.heads != 0) config.reject("n_head", "does not divide n_embd");
  if (fields.layers > static_cast<int64_t>(weights.tensors().size()))
    config.reject("n_layer", "more layers than the checkpoint has tensors");
  return fields;
}

Linear conv1d(const std::string& name, int64_t in, int64_t out) {
  Linear result = linear(name, in, out, true);
  result.weight.transposed = true;
  return result;
}

Layer layer_of(const Fields& fields, const std::string& name, int64_t index) {
  const int64_t hidden = fields.hidden_size;
  Layer layer;
  layer.attention_pre_norm = layer_norm(name + "ln_1", fields.epsilon);
  layer.mlp_pre_norm = layer_norm(name + "ln_2", fields.epsilon);
  Attention& attention = layer.attention;
  attention.heads = attention.kv_heads = fields.heads;
  attention.head_dim = hidden / fields.heads;
  int64_t row = 0;
  for (Linear* part : {&attention.q, &attention.k, &attention.v}) {
    *part = linear_rows(name + "attn.c_attn", hidden, row, hidden, true);
    part->weight.transposed = true;
    row += hidden;
  }
  attention.o = conv1d(name + "attn.c_proj", hidden, hidden);
  if (fields.scales) attention.scale /= std::sqrt(static_cast<double>(attention.head_dim));
  if (fields.scales_by_layer) attention.scale /= static_cast<double>(index + 1);
  layer.mlp = Mlp{.up = conv1d(name + "mlp.c_fc", hidden, fields.mlp_size),
                  .down = conv1d(name + "mlp.c_proj", fields.mlp_size, hidden),
                  .activation = fields.activation};
  return layer;
}

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  const Fields fields = read_fields(config, weights);
  ANEMONE_RETURN_IF_ERROR(config.finish());
  // The published checkpoints hold the model without its head and without a prefix.
  const std::string prefix = weights.find("wte.weight") != nullptr ? "" : "transformer.";
  Decoder decoder;
  decoder.vocab_size = fields.vocab_size;
  decoder.hidden_size = fields.hidden_size;
  decoder.max_positions = fields.positions;
  decoder.embedding = WeightRef{.name = prefix + "wte.weight"};
  decoder.position_embedding = WeightRef{.name = prefix + "wpe.weight"};
  for (int64_t i = 0; i < fields.layers; ++i)
    decoder.layers.push_back(layer_of(fields, prefix + "h." + std::to_string(i) + ".", i));
  decoder.final_norm = layer_norm(prefix + "ln_f", fields.epsilon);
  decoder.head = linear("lm_head", fields.hidden_size, fields.vocab_size);
  if (fields.tied) decoder.head.weight = decoder.embedding;
  return decoder;
}

}  // namespace

const Architecture k_gpt2 = {kModelTypes, read, kUnused};

}  // namespace anemone::models
