#include "kernels/lanes/avx512.h"

#include "kernels/rowwise/rowwise.inl"

namespace anemone::kernels {
extern const RowwiseKernels k_rowwise_avx512;
constinit const RowwiseKernels k_rowwise_avx512 = kRowwise;
}  // namespace anemone::kernels
