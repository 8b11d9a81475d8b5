#pragma once

#include <optional>

#include "checkpoint/config.h"
#include "models/decoder.h"

namespace anemone::models {

/// What a family knows about its rotary embedding before the config speaks.
struct RopeDefaults {
  int64_t head_dim = 0;
  int64_t max_positions = 0;
  double theta = 10000;
  double partial_factor = 1;    ///< part of head_dim that turns.
  bool allows_partial = false;  ///< the config may say less than 1.
  /// Phi-3 names beside its scaling, not in it, how long the original model's context was.
  std::optional<int64_t> original_max_positions;
  /// The scaling comes from the older field rope_scaling, not from rope_parameters.
  bool is_older_form = false;
};

struct ScaledRope {
  Rope rope;
  /// The positions for which `rope.inv_freq` is what the checkpoint computes: dynamic and longrope
  /// change the frequencies of all positions once a text is longer.
  int64_t max_positions = 0;
};

/// Reads rope_theta with rope_scaling {type | rope_type, …}, or the newer rope_parameters
/// {rope_type, rope_theta, …}. Kinds: default, linear, dynamic, yarn, longrope (su), llama3; others
/// are refused by name. Frequencies are computed in double precision.
ScaledRope read_rope(checkpoint::ConfigReader& config, const RopeDefaults& defaults);

/// The same of the object that says the scaling; nothing: there is no scaling.
ScaledRope scaled_rope(std::optional<checkpoint::ConfigReader> scaling,
                       const RopeDefaults& defaults);

}  // namespace anemone::models
