#include "kernels/lanes/avx2.h"

#include "kernels/rowwise/rowwise.inl"

namespace anemone::kernels {
extern const RowwiseKernels k_rowwise_avx2;
constinit const RowwiseKernels k_rowwise_avx2 = kRowwise;
}  // namespace anemone::kernels
