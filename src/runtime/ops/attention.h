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

/// Runs with the bits of the operations that it stands for. Where keys and values both are matrices
/// of states, rows that the states do not use are taken for zeros, whatever they hold; of those
/// only the mask is read. Lanes that share a cache are one product each. Up to `threads` work on a
/// run.
std::unique_ptr<Binding> make_attention(const Attention& attention, const AttentionTypes& types,
                                        const kernels::KernelSet& kernels, int threads);

}  // namespace anemone::runtime
