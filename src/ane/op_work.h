#pragma once

#include <string_view>

#include "ane/chip.h"
#include "ane/cost.h"
#include "ane/model_view.h"

/// What single ops of a program move and multiply, and how long that takes by the roofline.
namespace anemone::ane {

struct OpWork {
  double flops = 0;
  double weight_bytes = 0;        ///< constants as stored; not tables that are looked up.
  double dense_weight_bytes = 0;  ///< the same in fp16, as a CPU reads them.
  double activation_bytes = 0;    ///< read and written at run time; of slices and gathers the part.
};
/// Unknown dimensions count as 1.
OpWork work_of(const FunctionView& function, const OpView& op);

/// Bytes of a constant as stored: of what a constexpr op makes, those of its operands.
double stored_bytes(const FunctionView& function, std::string_view name);

/// Elements, unknown dimensions as 1.
double elements_of(const mil::TensorType& type);
double elements_of(const mil::NamedType& value);

/// Whether an op is part of what runs: no constant, and not in a block of cond or while_loop.
bool runs(const FunctionView& function, const OpView& op);

/// Why an op does not run on the chip's Neural Engine; empty when nothing speaks against it.
std::string_view obstacle_of(const FunctionView& function, const OpView& op, const Chip& chip);

/// Weights stream while arithmetic runs; activations come on top.
double engine_ms(const OpWork& work, const ChipRate& bandwidth, const ChipRate& peak);
/// 70 GB/s: GPT-2 124M in fp16 at 283 tokens a second on M4 Max (mechramc/Orion, RESULTS.md); 1.5
/// TFLOP/s is assumed. The same for all chips: nobody publishes what the segmenter takes.
double cpu_ms(const OpWork& work);

}  // namespace anemone::ane
