#pragma once

#include <string>
#include <string_view>

#include "models/decoder.h"
#include "models/transformer_fields.h"

/// Parts of decoders by the tensor names that most families use: `<name>.weight`, `<name>.bias`.
namespace anemone::models {

/// Tensors that such checkpoints may hold and nothing needs: tables of frequencies that old
/// conversions stored, and a second copy of tied embeddings.
inline constexpr std::string_view kRotaryTablesAndTiedHead[] = {
    "model.layers.*.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq", "lm_head.weight"};

Linear linear(const std::string& name, int64_t in, int64_t out, bool bias = false);
void add_bias(Linear& linear);  ///< of the same name and rows as its weight.
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

/// RMS norms of each head of q and k by themselves: <name>.q_norm and k_norm.
void add_head_norms(Attention& attention, const std::string& name, double epsilon,
                    double offset = 0);

/// <prefix>embed_tokens, <prefix>norm and `head` (tied or not) around `fields.layers` layers, each
/// <prefix>layers.<i>: input_layernorm, self_attn, post_attention_layernorm and mlp, all using
/// `rope`. Families change what differs.
Decoder pre_norm_decoder(const TransformerFields& fields, const std::string& prefix,
                         const std::string& head, Rope rope);

/// "<prefix>layers.<index>."
std::string layer_name(const std::string& prefix, size_t index);

}  // namespace anemone::models
