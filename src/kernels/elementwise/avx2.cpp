#include "kernels/lanes/avx2.h"

#include "kernels/elementwise/elementwise.inl"

namespace anemone::kernels {
extern const ElementwiseKernels k_elementwise_avx2;
constinit const ElementwiseKernels k_elementwise_avx2 = kElementwise;
}  // namespace anemone::kernels
