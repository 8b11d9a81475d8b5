#include "kernels/lanes/scalar.h"

#include "kernels/ane/ane.inl"

namespace anemone::kernels {
extern const AneKernels k_ane_scalar;
constinit const AneKernels k_ane_scalar = kAne;
}  // namespace anemone::kernels
