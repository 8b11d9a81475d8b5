#pragma once

#include <span>
#include <string_view>

#include "anemone/result.h"
#include "checkpoint/config.h"
#include "checkpoint/tensor_source.h"
#include "models/decoder.h"

namespace anemone::models {

/// One family: what its configs call it and how they become a Decoder.
struct Architecture {
  std::span<const std::string_view> model_types;  ///< of the config: "gemma3", "gemma3_text".
  /// Reads every field, calls `finish`, and only then builds. `weights` tells how the tensors are
  /// named (prefixes) and bounds what is built; their shapes are `check_weights`'s business.
  Result<Decoder> (*read)(checkpoint::ConfigReader& config,
                          const checkpoint::TensorSource& weights);
  /// Tensors of such checkpoints that the decoder does not need: `*` stands for any characters.
  std::span<const std::string_view> unused_tensors;
};

#define MODEL_ARCHITECTURE(name) extern const Architecture k_##name;
#include "models/architectures.inc"
#undef MODEL_ARCHITECTURE

std::span<const Architecture* const> architectures();

/// What the checkpoint computes, from its config.json. The family is chosen by `model_type`.
/// Errors: corrupt (not a config, fields missing, wrong or contradictory), unsupported (unknown
/// model_type, a field or value that changes the mathematics in a way not known here).
Result<Decoder> read_decoder(std::string_view config_json, const checkpoint::TensorSource& weights);

/// Compares the tensors of a checkpoint with what the decoder uses: missing ones, ones that nobody
/// uses, and ones of another shape or no floating-point type, all in one error (mismatch). An
/// adapter must not change what nobody uses (mismatch) nor one of two uses (unsupported).
Status check_weights(const Decoder& decoder, const checkpoint::TensorSource& weights);

/// Whether an output layer that is stored beside a config which ties it to the embedding is the
/// embedding. Versions of transformers disagree on which of two is used, so another one is refused.
/// Reads both. Errors: mismatch, and those of reading.
Status check_tied_head(const Decoder& decoder, const checkpoint::TensorSource& weights);

}  // namespace anemone::models
