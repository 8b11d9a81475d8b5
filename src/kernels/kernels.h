#pragma once

#include <span>
#include <string_view>

#include "kernels/ane/ane.h"
#include "kernels/conversion/conversion.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/matmul/matmul.h"
#include "kernels/rowwise/rowwise.h"

namespace anemone::kernels {

/// All families for one instruction set. All sets give the same bits.
struct KernelSet {
  std::string_view isa;  ///< "scalar", "avx2", "avx512", "neon".
#define KERNEL_FAMILY(name, type) const type* name;
#include "kernels/families.inc"
#undef KERNEL_FAMILY
};

/// The sets that were compiled and that this machine can run, slowest first. Never empty.
std::span<const KernelSet> kernel_sets();

/// The set of that name, or null when this machine or program does not have it.
const KernelSet* find_kernel_set(std::string_view isa);

}  // namespace anemone::kernels
