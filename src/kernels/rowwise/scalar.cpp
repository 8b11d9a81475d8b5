#include "kernels/lanes/scalar.h"

#include "kernels/rowwise/rowwise.inl"

namespace anemone::kernels {
extern const RowwiseKernels k_rowwise_scalar;
constinit const RowwiseKernels k_rowwise_scalar = kRowwise;
}  // namespace anemone::kernels
