#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/computed_constants.h"

/// What a decoder-only transformer is, as data: an architecture turns a config into it, the graph
/// builder turns it into MIL. Dimension letters: H hidden, D head, E heads * D, F MLP, V
/// vocabulary.
namespace anemone::models {

/// A weight as the checkpoint holds it and how it is used. Two equal ones are one constant.
struct WeightRef {
  std::string name;         ///< tensor of the checkpoint.
  int64_t first_row = 0;    ///< of the used rows (after `transposed`): parts of fused projections.
  int64_t rows = -1;        ///< -1: all.
  bool transposed = false;  ///< stored [in, out] (GPT-2's Conv1D).
  double offset = 0;        ///< added to every element: 1 for Gemma's (1 + w) norms.
  double scale = 1;         ///< multiplies every element after `offset`.
  int64_t expert = -1;      ///< index along a leading axis of experts; -1: there is none.
  bool operator==(const WeightRef&) const = default;
};

/// y = W x + b with W [out, in].
struct Linear {
  WeightRef weight;
  std::optional<WeightRef> bias;
  int64_t in = 0;
  int64_t out = 0;
};

struct Norm {
  enum class Kind : uint8_t {
    rms,    ///< x / sqrt(mean(x^2) + epsilon) * weight.
    layer,  ///< (x - mean) / sqrt(variance + epsilon) * weight + bias.
  };
  Kind kind = Kind::rms;
  WeightRef weight;
  std::optional<WeightRef> bias;
  double epsilon = 1e-6;
};

/// Rotary embedding in the half-split form: the angle of pair i at position p is p * inv_freq[i].
struct Rope {
  std::vector<double> inv_freq;  ///< rotary_dim / 2 values; scaling of every kind is in them.
  double attention_scaling = 1;  ///< multiplies cos and sin (yarn, longrope).
  /// In place of `inv_freq` where a context is longer than Decoder::max_positions, up to
  /// `long_positions` (longrope). Empty: there are no such contexts.
  std::vector<double> long_inv_freq;
  int64_t long_positions = 0;
  bool operator==(const Rope&) const = default;
};

struct Attention {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  Linear q, k, v, o;
  std::optional<Norm> q_norm, k_norm;
  bool norm_spans_heads = false;  ///< q/k norm over all heads together (OLMo 2), else per head.
  int64_t rope = -1;              ///< index into Decoder::ropes; -1: no rotary embedding.
  double scale = 1;               ///< multiplies q k^T.
  double softcap = 0;             ///< cap * tanh(score / cap); 0: none.
  int64_t window = 0;             ///< keys visible to a query, itself included; 0: all before it.
};

enum class Activation : uint8_t { silu, gelu, gelu_tanh, relu };

struct Mlp {
  std::optional<Linear> gate;  ///< down(act(gate(x)) * up(x)); without it down(act(up(x))).
  Linear up, down;
  Activation activation = Activation::silu;
};

struct MixtureOfExperts {
  Linear router;  ///< [experts, H].
  std::vector<Mlp> experts;
  int64_t experts_per_token = 0;
  bool normalises = true;  ///< the chosen probabilities are divided by their sum.
};

/// x += m * post(attention(pre(x))); x += m * post(mlp(pre(x))).
struct Layer {
  std::optional<Norm> attention_pre_norm, attention_post_norm;
  Attention attention;
  std::optional<Norm> mlp_pre_norm, mlp_post_norm;
  std::optional<Mlp> mlp;  ///< exactly one of mlp and experts.
  std::optional<MixtureOfExperts> experts;
  double residual_multiplier = 1;  ///< m
};

struct Decoder {
  std::string architecture;  ///< model_type of the config: "qwen3".
  int64_t vocab_size = 0;    ///< V
  int64_t hidden_size = 0;   ///< H
  /// What the checkpoint was made for. Longer texts are another function: dynamic and longrope
  /// scaling change the frequencies of all positions there, learned positions end.
  int64_t max_positions = 0;
  /// The longest context that can be built. From one token more than `max_positions` on, it is the
  /// function for long texts, for short ones as well.
  int64_t longest_context() const {
    int64_t longest = max_positions;
    for (const Rope& rope : ropes) longest = std::max(longest, rope.long_positions);
    return longest;
  }
  WeightRef embedding;  ///< [V, H]
  double embedding_scale = 1;
  std::optional<WeightRef> position_embedding;  ///< [max_positions, H], added (GPT-2).
  std::vector<Rope> ropes;
  std::vector<Layer> layers;
  Norm final_norm;
  Linear head;                 ///< tied: its weight equals `embedding`.
  double logits_scale = 1;     ///< multiplies the logits.
  double logits_softcap = 0;   ///< after the scale; 0: none.
  ComputedConstants computed;  ///< of the functions built from it.
};

}  // namespace anemone::models
