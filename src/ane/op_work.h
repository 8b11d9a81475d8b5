#pragma once

#include <cstdint>
#include <string_view>

#include "ane/chip.h"
#include "ane/cost.h"
#include "ane/model_view.h"
#include "ane/unknown_sizes.h"

/// What single ops of a program move and multiply, and how long that takes by the roofline.
namespace anemone::ane {

struct OpWork {
  double flops = 0;
  double weight_bytes = 0;        ///< constants as stored; not tables that are looked up.
  double dense_weight_bytes = 0;  ///< the same in fp16, as a CPU reads them.
  double activation_bytes = 0;    ///< read and written at run time; of slices and gathers the part.
  double half_activation_bytes = 0;  ///< the same where no element has more than two bytes.
};
/// Unknown dimensions count as `sizes` says.
OpWork work_of(const FunctionView& function, const OpView& op, const UnknownSizes& sizes);

/// The same work in the dtypes of the Neural Engine, as a fix would bring it there: activations in
/// two bytes, weights in the smaller form.
OpWork in_half_precision(const OpWork& work);

/// Bytes of a constant as stored: of what a constexpr op makes, those of its operands.
double stored_bytes(const FunctionView& function, std::string_view name);

/// Elements, unknown dimensions as `unknown`, or 1.
double elements_of(const mil::TensorType& type, double unknown = 1);
double elements_of(const mil::NamedType& value);

/// Whether an op is part of what runs: no constant, and not in a block of cond or while_loop.
bool runs(const FunctionView& function, const OpView& op);

/// Whether the op reads or makes a value whose shape is known at run time only.
bool has_unknown_shape(const FunctionView& function, const OpView& op);

/// Why an op runs on no Neural Engine, by the list of ops; empty when nothing speaks against it.
/// The rules say what else does (obstacles_in).
std::string_view obstacle_of(const FunctionView& function, const OpView& op,
                             const UnknownSizes& sizes);

/// Weights stream while arithmetic runs; activations come on top.
double engine_ms(const OpWork& work, const ChipRate& bandwidth, const ChipRate& reached);
/// No faster on either side: weights at the Neural Engine's bandwidth, in the smaller form.
double floor_ms(const OpWork& work, const ChipRate& bandwidth);
/// Weights in fp16 and activations at the CPU's share of the Neural Engine's `bandwidth`.
double cpu_ms(const OpWork& work, const ChipRate& bandwidth);

}  // namespace anemone::ane
