#include <fmt/format.h>

#include <algorithm>

#include "models/architectures.h"
#include "models/decoder_layers.h"
#include "models/rope_scaling.h"
#include "models/transformer_fields.h"

/// Qwen 3 with experts: as Qwen 3, but most layers have experts in place of the MLP.
namespace anemone::models {
namespace {

constexpr std::string_view kModelTypes[] = {"qwen3_moe"};

struct ExpertFields {
  int64_t experts = 0;
  int64_t experts_per_token = 0;
  int64_t size = 0;
  int64_t step = 1;  ///< every so many layers have experts.
  std::vector<int64_t> dense_layers;
  bool normalises = false;
};

bool has_experts(const ExpertFields& fields, int64_t layer) {
  const bool dense = std::ranges::binary_search(fields.dense_layers, layer);
  return !dense && fields.experts > 0 && (layer + 1) % fields.step == 0;
}

/// All experts together have a bounded number: three tensors of the checkpoint each.
ExpertFields read_experts(checkpoint::ConfigReader& config, int64_t layers,
                          const checkpoint::TensorSource& weights) {
  ExpertFields fields;
  // Transformers 5 calls it num_local_experts; where a config has both they must agree.
  const bool is_renamed = !config.has("num_experts") && config.has("num_local_experts");
  fields.experts = config.integer(is_renamed ? "num_local_experts" : "num_experts", {}, {.min = 0});
  if (config.integer("num_local_experts", fields.experts, {.min = 0}) != fields.experts)
    config.reject("num_local_experts", "another number than num_experts");
  fields.experts_per_token = config.integer("num_experts_per_tok");
  fields.size = config.integer("moe_intermediate_size");
  fields.step = config.integer("decoder_sparse_step", 1);
  fields.dense_layers =
      config.integers("mlp_only_layers", {.min = 0}).value_or(std::vector<int64_t>());
  std::ranges::sort(fields.dense_layers);
  fields.normalises = config.flag("norm_topk_prob", false);
  const auto tensors = static_cast<int64_t>(weights.tensors().size());
  int64_t mixtures = 0;
  for (int64_t i = 0; i < layers; ++i) mixtures += has_experts(fields, i);
  if (mixtures > 0 && fields.experts > tensors / 3 / mixtures)
    config.reject("num_experts",
                  fmt::format("{} experts in each of {} layers, but the checkpoint has {} tensors",
                              fields.experts, mixtures, tensors));
  if (fields.experts > 0 && fields.experts_per_token > fields.experts)
    config.reject("num_experts_per_tok", "more than num_experts");
  return fields;
}

MixtureOfExperts mixture(const TransformerFields& fields, const ExpertFields& experts,
                         const std::string& name) {
  MixtureOfExperts result;
  result.router = linear(name + ".gate", fields.hidden_size, experts.experts);
  result.experts_per_token = experts.experts_per_token;
  result.normalises = experts.normalises;
  for (int64_t i = 0; i < experts.experts; ++i) {
    const std::string expert = name + ".experts." + std::to_string(i);
    result.experts.push_back(gated_mlp(fields, expert, experts.size));
  }
  return result;
}

Result<Decoder> read(checkpoint::ConfigReader& config, const checkpoint::TensorSource& weights) {
  TransformerFields fields = read_transformer_fields(config, weights, {});
  const auto sliding_window = config.optional_integer("sliding_window", 4096);
  const bool slides = config.flag("use_sliding_window", false);
  config.ignore({"max_window_layers"});
  const ExpertFields experts = read_experts(config, fields.layers, weights);
  ScaledRope rope =
      read_rope(config, {.head_dim = fields.head_dim, .max_positions = fields.max_positions});
  ANEMONE_RETURN_IF_ERROR(config.finish());
  fields.max_positions = rope.max_positions;
  Decoder decoder = pre_norm_decoder(fields, "model.", "lm_head", std::move(rope.rope));
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    Layer& layer = decoder.layers[i];
    const std::string name = layer_name("model.", i);
    layer.attention.window = slides ? sliding_window.value_or(0) : 0;
    add_head_norms(layer.attention, name + "self_attn", fields.epsilon);
    if (!has_experts(experts, static_cast<int64_t>(i))) continue;
    layer.mlp.reset();
    layer.experts = mixture(fields, experts, name + "mlp");
  }
  return decoder;
}

}  // namespace

const Architecture k_qwen3_moe = {kModelTypes, read, kRotaryTablesAndTiedHead};

}  // namespace anemone::models
