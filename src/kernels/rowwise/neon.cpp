#include "kernels/lanes/neon.h"

#include "kernels/rowwise/rowwise.inl"

namespace anemone::kernels {
extern const RowwiseKernels k_rowwise_neon;
constinit const RowwiseKernels k_rowwise_neon = kRowwise;
}  // namespace anemone::kernels
