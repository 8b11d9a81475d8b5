#pragma once

#include "base/json_document.h"
#include "checkpoint/adapter.h"

namespace anemone::checkpoint {

/// PEFT LoRA: `base_model.model.<module>.lora_A.weight` [r, in], `.lora_B.weight` [out, r],
/// `.lora_magnitude_vector`, `.lora_embedding_A/B`; scale alpha/r, or alpha/√r with use_rslora;
/// rank_pattern and alpha_pattern (names, no regular expressions; each fits a module, and none that
/// fit the same module disagree). `<module>.base_layer.weight`, which PEFT saves of embeddings and
/// output layers, is what A and B are added to. Modules of modules_to_save, biases
/// (`<module>.base_layer.bias` where the module has A and B) and saved embeddings replace those of
/// the base. With fan_in_fan_out the shapes say which weights are transposed, and a square one is.
/// A module is adapted for its own use, not for that of another one which shares its weight. What
/// target_modules and modules_to_save name of the base is there; exclude_modules is not.
/// Errors: unsupported (config fields that would change the result, by name), corrupt (fields of
/// the wrong type), mismatch.
Result<AdapterPlan> plan_peft(const Json& config, const TensorSource& adapter,
                              const TensorSource& base);

/// MLX: `<module>.lora_a` [in, r], `.lora_b` [r, out], `.m`; lora_parameters.scale as it is.
/// Pairs lie in the last num_layers layers. fine_tune_type "full": every tensor replaces that of
/// the base. Errors as above.
Result<AdapterPlan> plan_mlx(const Json& config, const TensorSource& adapter,
                             const TensorSource& base);

/// Bare pairs: `<module>.lora_a`/`.lora_b` or `<module>.weight.lora_a`/`.lora_b` (`lora_A`,
/// `lora_A.weight` likewise) with lora_alpha and lora_rank in the config; scale alpha/rank. The
/// pairs are all [in, r] with [r, out] or all [r, in] with [out, r]: the one form that fits every
/// pair's weight. If both fit every pair, the file is ambiguous and refused. Errors as above.
Result<AdapterPlan> plan_bare(const Json& config, const TensorSource& adapter,
                              const TensorSource& base);

/// A positive finite number of a config. Errors: corrupt.
Result<double> positive(const Json& config, const std::string& key);

/// Fields that are neither in `known` nor unset. Errors: unsupported, all by name.
Status refuse_unknown(const Json& config, std::span<const std::string_view> known,
                      std::string_view owner);

}  // namespace anemone::checkpoint
