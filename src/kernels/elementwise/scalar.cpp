#include "kernels/lanes/scalar.h"

#include "kernels/elementwise/elementwise.inl"

namespace anemone::kernels {
extern const ElementwiseKernels k_elementwise_scalar;
constinit const ElementwiseKernels k_elementwise_scalar = kElementwise;
}  // namespace anemone::kernels
