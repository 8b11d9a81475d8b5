#include "models/gemma_layers.h"

#include <cmath>

#include "models/decoder_layers.h"

namespace anemone::models {

void make_gemma(Decoder& decoder, const TransformerFields& fields, const std::string& prefix,
                double query_scalar) {
  const auto norm = [&](const std::string& name) { return rms_norm(name, fields.epsilon, 1); };
  // transformers keeps the root in the type of the activations: fp32 in the reference.
  decoder.embedding_scale = static_cast<float>(std::sqrt(static_cast<double>(fields.hidden_size)));
  decoder.final_norm = norm(prefix + "norm");
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    Layer& layer = decoder.layers[i];
    const std::string name = layer_name(prefix, i);
    layer.attention_pre_norm = norm(name + "input_layernorm");
    layer.attention_post_norm = norm(name + "post_attention_layernorm");
    layer.mlp_pre_norm = norm(name + "pre_feedforward_layernorm");
    layer.mlp_post_norm = norm(name + "post_feedforward_layernorm");
    layer.attention.scale = 1 / std::sqrt(query_scalar);
  }
}

}  // namespace anemone::models
