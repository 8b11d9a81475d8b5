#pragma once

#include "anemone/probe.h"

namespace anemone::probe {

/// `trace` with the joint products cut that `other` has in parts: `attention.qkv` into q, k and v,
/// and an `mlp.up` as wide as gate and up together into both, in this order, as GPT-2 and Phi-3
/// join them. What does not fit stays whole.
Trace cut_joint_products(const Trace& trace, const Trace& other);

}  // namespace anemone::probe
