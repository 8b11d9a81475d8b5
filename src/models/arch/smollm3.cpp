#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// SmolLM 3: LLaMA whose rotary embedding is left out on some layers, which may then see a window
/// only.
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"smollm3"};

/// no_rope_layers holds 1 where there *is* a rotary embedding.
std::vector<bool> read_rotating_layers(checkpoint::ConfigReader& config, int64_t layers) {
  const int64_t interval = config.integer("no_rope_layer_interval", 4);
  const auto listed = config.integers("no_rope_layers", {0, 1});
  std::vector<bool> rotates;
  for (int64_t i = 0; i < layers; ++i) rotates.push_back((i + 1) % interval != 0);
  if (!listed) return rotates;
  if (static_cast<int64_t>(listed->size()) != layers) {
    config.reject("no_rope_layers", "expected one entry for each layer");
    return rotates;
  }
  for (size_t i = 0; i < listed->size(); ++i) rotates[i] = (*listed)[i] == 1;
  return rotates;
}

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  TransformerFields fields =
      read_transformer_fields(config, weights, {.tied = true, .has_mlp_bias = true});
  const auto sliding_window = config.optional_integer("sliding_window");
  const auto window = config.flag("use_sliding_window", false) ? sliding_window : std::nullopt;
  config.ignore({"max_window_layers"});
  const std::vector<bool> rotates = read_rotating_layers(config, fields.layers);
  std::vector<bool> slides;
  for (const bool turns : rotates) slides.push_back(window && !turns);
  const std::vector<int64_t> windows = read_windows(config, window, slides);
  ScaledRope rope = read_rope(
      config, {.head_dim = fields.head_dim, .max_positions = fields.max_positions, .theta = 2e6});
  ANEMONE_RETURN_IF_ERROR(config.finish());
  fields.max_positions = rope.max_positions;
  Decoder decoder = pre_norm_decoder(fields, "model.", "lm_head", std::move(rope.rope));
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    Attention& attention = decoder.layers[i].attention;
    attention.window = windows[i];
    if (!rotates[i]) attention.rope = -1;
  }
  return decoder;
}

}  // namespace

const Architecture k_smollm3 = {kModelTypes, read, kRotaryTablesAndTiedHead};

}  // namespace anemone::models
