#include "models/decoder_layers.h"

#include <cmath>
#include <utility>

namespace anemone::models {
namespace {

WeightRef weight_of(const std::string& name) { return {.name = name + ".weight"}; }

}  // namespace

Linear linear(const std::string& name, int64_t in, int64_t out, bool bias) {
  Linear result{.weight = weight_of(name), .in = in, .out = out};
  if (bias) result.bias = WeightRef{.name = name + ".bias"};
  return result;
}

void add_bias(Linear& linear) {
  constexpr std::string_view kSuffix = ".weight";
  WeightRef bias = linear.weight;
  bias.name.resize(bias.name.size() - kSuffix.size());
  bias.name += ".bias";
  bias.transposed = false;
  linear.bias = std::move(bias);
}

Linear linear_rows(const std::string& name, int64_t in, int64_t first_row, int64_t out, bool bias) {
  Linear result = linear(name, in, out, bias);
  const auto narrow = [&](WeightRef& weight) {
    weight.first_row = first_row;
    weight.rows = out;
  };
  narrow(result.weight);
  if (result.bias) narrow(*result.bias);
  return result;
}

Norm rms_norm(const std::string& name, double epsilon, double offset) {
  Norm norm{.kind = Norm::Kind::rms, .weight = weight_of(name), .epsilon = epsilon};
  norm.weight.offset = offset;
  return norm;
}

Norm layer_norm(const std::string& name, double epsilon) {
  return {.kind = Norm::Kind::layer,
          .weight = weight_of(name),
          .bias = WeightRef{.name = name + ".bias"},
          .epsilon = epsilon};
}

Attention projected_attention(const TransformerFields& fields, const std::string& name) {
  const int64_t queries = fields.heads * fields.head_dim;
  const int64_t keys = fields.kv_heads * fields.head_dim;
  Attention attention;
  attention.heads = fields.heads;
  attention.kv_heads = fields.kv_heads;
  attention.head_dim = fields.head_dim;
  attention.q = linear(name + ".q_proj", fields.hidden_size, queries, fields.attention_bias);
  attention.k = linear(name + ".k_proj", fields.hidden_size, keys, fields.attention_bias);
  attention.v = linear(name + ".v_proj", fields.hidden_size, keys, fields.attention_bias);
  attention.o = linear(name + ".o_proj", queries, fields.hidden_size, fields.attention_bias);
  attention.scale = 1 / std::sqrt(static_cast<double>(fields.head_dim));
  return attention;
}

Mlp gated_mlp(const TransformerFields& fields, const std::string& name, int64_t size) {
  return {.gate = linear(name + ".gate_proj", fields.hidden_size, size, fields.mlp_bias),
          .up = linear(name + ".up_proj", fields.hidden_size, size, fields.mlp_bias),
          .down = linear(name + ".down_proj", size, fields.hidden_size, fields.mlp_bias),
          .activation = fields.activation};
}

void add_head_norms(Attention& attention, const std::string& name, double epsilon, double offset) {
  attention.q_norm = rms_norm(name + ".q_norm", epsilon, offset);
  attention.k_norm = rms_norm(name + ".k_norm", epsilon, offset);
}

std::string layer_name(const std::string& prefix, size_t index) {
  return prefix + "layers." + std::to_string(index) + ".";
}

Decoder pre_norm_decoder(const TransformerFields& fields, const std::string& prefix,
                         const std::string& head, Rope rope) {
  Decoder decoder;
  decoder.vocab_size = fields.vocab_size;
  decoder.hidden_size = fields.hidden_size;
  decoder.max_positions = fields.max_positions;
  decoder.embedding = weight_of(prefix + "embed_tokens");
  decoder.final_norm = rms_norm(prefix + "norm", fields.epsilon);
  decoder.head = linear(head, fields.hidden_size, fields.vocab_size);
  if (fields.tied) decoder.head.weight = decoder.embedding;
  decoder.ropes.push_back(std::move(rope));
  for (size_t i = 0; i < static_cast<size_t>(fields.layers); ++i) {
    const std::string name = layer_name(prefix, i);
    Layer layer;
    layer.attention_pre_norm = rms_norm(name + "input_layernorm", fields.epsilon);
    layer.attention = projected_attention(fields, name + "self_attn");
    layer.attention.rope = 0;
    layer.mlp_pre_norm = rms_norm(name + "post_attention_layernorm", fields.epsilon);
    layer.mlp = gated_mlp(fields, name + "mlp", fields.mlp_size);
    decoder.layers.push_back(std::move(layer));
  }
  return decoder;
}

}  // namespace anemone::models
