#pragma once

#include <string>

#include "models/decoder.h"
#include "models/transformer_fields.h"

/// Parts of decoders by the tensor names that most families use: `<name>.weight`, `<name>.bias`.
namespace anemone::models {

Linear linear(const std::string& name, int64_t in, int64_t out, bool bias = false);
/// Rows [first_row, first_row + out) of a fused projection.
Linear linear_rows(const std::string& name, int64_t in, int64_t first_row, int64_t out,
                   bool bias = false);

/// `offset` is added to the weight (1 in Gemma).
Norm rms_norm(const std::string& name, double epsilon, double offset = 0);
Norm layer_norm(const std::string& name, double epsilon);

/// <name>.q_proj, k_proj, v_proj and o_proj; scores are divided by sqrt(head_dim); no rope, no
/// window.
Attention projected_attention(const TransformerFields& fields, const std::string& name);

/// <name>.gate_proj, up_proj and down_proj with `size` inner units.
Mlp gated_mlp(const TransformerFields& fields, const std::string& name, int64_t size);

/// <prefix>embed_tokens, <prefix>norm and `head` (tied or not) around `fields.layers` layers, each
/// <prefix>layers.<i>: input_layernorm, self_attn, post_attention_layernorm and mlp, all using
/// `rope`. Families change what differs.
Decoder pre_norm_decoder(const TransformerFields& fields, const std::string& prefix,
                         const std::string& head, Rope rope);

/// "<prefix>layers.<index>."
std::string layer_name(const std::string& prefix, size_t index);

}  // namespace anemone::models
