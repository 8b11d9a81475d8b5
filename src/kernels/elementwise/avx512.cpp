#include "kernels/lanes/avx512.h"

#include "kernels/elementwise/elementwise.inl"

namespace anemone::kernels {
extern const ElementwiseKernels k_elementwise_avx512;
constinit const ElementwiseKernels k_elementwise_avx512 = kElementwise;
}  // namespace anemone::kernels
