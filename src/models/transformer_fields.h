#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/tensor_source.h"
#include "models/decoder.h"

namespace anemone::models {

/// What configs of the families that descend from LLaMA have in common.
struct TransformerFields {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t mlp_size = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t max_positions = 0;
  double epsilon = 0;
  Activation activation = Activation::silu;
  bool tied = false;
  bool attention_bias = false;  ///< of q, k, v and o.
  bool mlp_bias = false;
};

/// What a family assumes when a field is absent; without a value the field is required.
struct TransformerDefaults {
  std::optional<int64_t> vocab_size, heads, kv_heads, head_dim, max_positions;
  std::optional<double> epsilon;
  bool tied = false;
  bool kv_heads_as_heads = false;  ///< absent num_key_value_heads: as many as query heads.
  std::string activation_field = "hidden_act";
  std::string activation = "silu";
  bool has_attention_bias = true;  ///< false: the family cannot have one and true is refused.
  bool has_mlp_bias = false;
};

/// Reads the shared fields. The values are sound only after config.finish().
TransformerFields read_transformer_fields(checkpoint::ConfigReader& config,
                                          const checkpoint::TensorSource& weights,
                                          const TransformerDefaults& defaults);

/// Encoders, cross attention and pruned heads are refused.
void refuse_other_forms(checkpoint::ConfigReader& config);

/// A soft cap of scores or logits: 0 where the field is null.
double read_softcap(checkpoint::ConfigReader& config, std::string_view key,
                    std::optional<double> fallback);

/// The value of the field `key` as a function; unknown ones are refused by name.
Activation read_activation(checkpoint::ConfigReader& config, std::string_view key,
                           std::string_view fallback);

/// Qwen's windows: with use_sliding_window, on the layers from max_window_layers on.
std::vector<int64_t> read_late_windows(checkpoint::ConfigReader& config, int64_t layers);

/// Which layers see a window only, by `layer_types`, or by `fallback` (one for each layer) where
/// that is absent. The result holds the window of each layer, 0 where all is seen. Without a
/// window, a layer type that needs one is refused.
std::vector<int64_t> read_windows(checkpoint::ConfigReader& config, std::optional<int64_t> window,
                                  const std::vector<bool>& fallback);

}  // namespace anemone::models
