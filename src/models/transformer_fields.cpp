#include "models/transformer_fields.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace anemone::models {
namespace {

constexpr int64_t kMaxHeadDim = 1 << 16;  ///< bounds the table of frequencies; real ones: 512.
constexpr int64_t kMaxSize = 1 << 30;     ///< products of two sizes stay far inside int64_t.

/// The spellings of transformers; several stand for one function.
constexpr std::array<std::pair<std::string_view, Activation>, 9> kActivations = {{
    {"silu", Activation::silu},
    {"swish", Activation::silu},
    {"gelu", Activation::gelu},
    {"gelu_python", Activation::gelu},
    {"gelu_new", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh},
    {"gelu_accurate", Activation::gelu_tanh},
    {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"relu", Activation::relu},
}};

int64_t read_head_dim(checkpoint::ConfigReader& config, const TransformerFields& fields,
                      std::optional<int64_t> fallback) {
  const auto given = config.optional_integer("head_dim", fallback, {1, kMaxHeadDim});
  if (given) return *given;
  const int64_t share = fields.hidden_size / fields.heads;
  if (fields.hidden_size % fields.heads == 0 && share <= kMaxHeadDim) return share;
  config.reject("num_attention_heads",
                fmt::format("{} heads do not divide hidden_size {} and head_dim is not given",
                            fields.heads, fields.hidden_size));
  return 1;
}

}  // namespace

Activation read_activation(checkpoint::ConfigReader& config, std::string_view key,
                           std::string_view fallback) {
  const std::string name = config.word(key, std::string(fallback));
  for (const auto& [spelling, activation] : kActivations)
    if (name == spelling) return activation;
  config.refuse(key, fmt::format("unknown function \"{}\"", name));
  return Activation::silu;
}

void refuse_other_forms(checkpoint::ConfigReader& config) {
  config.refuse_if_true("is_encoder_decoder");
  config.refuse_if_true("add_cross_attention");
  config.ignore({"tie_encoder_decoder", "cross_attention_hidden_size"});
  (void)config.object("pruned_heads");  // any entry in it is a field that nobody reads.
}

double read_softcap(checkpoint::ConfigReader& config, std::string_view key,
                    std::optional<double> fallback) {
  const auto cap = config.optional_number(key, fallback);
  if (cap && *cap <= 0) config.reject(key, "expected a number above 0 or null");
  return cap.value_or(0);
}

TransformerFields read_transformer_fields(checkpoint::ConfigReader& config,
                                          const checkpoint::TensorSource& weights,
                                          const TransformerDefaults& defaults) {
  TransformerFields fields;
  fields.vocab_size = config.integer("vocab_size", defaults.vocab_size, {1, kMaxSize});
  fields.hidden_size = config.integer("hidden_size", {}, {1, kMaxSize});
  fields.mlp_size = config.integer("intermediate_size", {}, {1, kMaxSize});
  fields.layers = config.integer("num_hidden_layers");
  const auto tensors = static_cast<int64_t>(weights.tensors().size());
  if (fields.layers > tensors) {
    config.reject("num_hidden_layers", fmt::format("{} layers, but the checkpoint has {} tensors",
                                                   fields.layers, tensors));
    fields.layers = 1;
  }
  constexpr int64_t kMaxLayers = 4096;  // how they are divided is tried for each pair of them
  if (fields.layers > kMaxLayers) {
    config.reject("num_hidden_layers",
                  fmt::format("{} layers, at most {} are supported", fields.layers, kMaxLayers));
    fields.layers = 1;
  }
  fields.heads = config.integer("num_attention_heads", defaults.heads, {1, kMaxHeadDim});
  const bool kv_heads_needed = !defaults.kv_heads_as_heads && !defaults.kv_heads;
  const auto kv_heads =
      kv_heads_needed && !config.has("num_key_value_heads")
          ? std::optional(config.integer("num_key_value_heads", {}, {1, kMaxHeadDim}))
          : config.optional_integer("num_key_value_heads", defaults.kv_heads, {1, kMaxHeadDim});
  fields.kv_heads = kv_heads.value_or(fields.heads);
  if (fields.heads % fields.kv_heads != 0) {
    config.reject("num_key_value_heads", fmt::format("{} does not divide num_attention_heads {}",
                                                     fields.kv_heads, fields.heads));
  }
  fields.head_dim = read_head_dim(config, fields, defaults.head_dim);
  fields.max_positions = config.integer("max_position_embeddings", defaults.max_positions);
  fields.epsilon = config.positive_number("rms_norm_eps", defaults.epsilon);
  fields.activation = read_activation(config, defaults.activation_field, defaults.activation);
  fields.tied = config.flag("tie_word_embeddings", defaults.tied);
  fields.attention_bias = config.flag("attention_bias", false);
  if (fields.attention_bias && !defaults.has_attention_bias)
    config.refuse("attention_bias", "this family has none");
  fields.mlp_bias = config.flag("mlp_bias", false);
  if (fields.mlp_bias && !defaults.has_mlp_bias) config.refuse("mlp_bias", "this family has none");
  refuse_other_forms(config);
  return fields;
}

std::vector<int64_t> read_late_windows(checkpoint::ConfigReader& config, int64_t layers) {
  const auto size = config.optional_integer("sliding_window", 4096);
  const auto window = config.flag("use_sliding_window", false) ? size : std::nullopt;
  const int64_t first = config.integer("max_window_layers", 28, {.min = 0});
  std::vector<bool> slides;
  for (int64_t i = 0; i < layers; ++i) slides.push_back(window && i >= first);
  return read_windows(config, window, slides);
}

std::vector<int64_t> read_windows(checkpoint::ConfigReader& config, std::optional<int64_t> window,
                                  const std::vector<bool>& fallback) {
  std::vector<bool> slides = fallback;
  if (const auto types = config.words("layer_types")) {
    if (types->size() != fallback.size()) {
      config.reject("layer_types",
                    fmt::format("{} entries for {} layers", types->size(), fallback.size()));
    }
    slides.clear();
    for (const std::string& type : *types) {
      slides.push_back(type == "sliding_attention");
      if (!slides.back() && type != "full_attention")
        config.refuse("layer_types", fmt::format("unknown kind \"{}\"", type));
    }
    slides.resize(fallback.size());
  }
  std::vector<int64_t> windows;
  for (const bool slide : slides) windows.push_back(slide ? window.value_or(0) : 0);
  for (size_t layer = 0; layer < slides.size() && !window; ++layer) {
    if (!slides[layer]) continue;
    config.reject("layer_types", "sliding_attention without a sliding_window in use");
    break;
  }
  return windows;
}

}  // namespace anemone::models
