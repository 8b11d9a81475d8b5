#pragma once

#include <memory>

#include "kernels/kernels.h"
#include "runtime/plan.h"

namespace anemone::runtime {

/// How the operands and the output of attention are stored: fp16 or fp32. Scores have the dtype of
/// the mask.
struct AttentionTypes {
  DType query = DType::fp16;
  DType keys = DType::fp16;
  DType mask = DType::fp16;
  DType values = DType::fp16;
  DType out = DType::fp16;
};

/// Runs with the bits of the operations that it stands for. The rows of a cache behind the last
/// token of its sequence are taken for zeros, whatever they hold, and cost nothing. Lanes that
/// share a cache are one product each. Up to `threads` work on a run.
std::unique_ptr<Binding> make_attention(std::shared_ptr<const Attention> attention,
                                        const AttentionTypes& types,
                                        const kernels::KernelSet& kernels, int threads);

}  // namespace anemone::runtime
