#include "kernels/lanes/neon.h"

#include "kernels/elementwise/elementwise.inl"

namespace anemone::kernels {
extern const ElementwiseKernels k_elementwise_neon;
constinit const ElementwiseKernels k_elementwise_neon = kElementwise;
}  // namespace anemone::kernels
