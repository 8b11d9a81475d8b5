#include "kernels/lanes/neon.h"

#include "kernels/ane/ane.inl"

namespace anemone::kernels {
extern const AneKernels k_ane_neon;
constinit const AneKernels k_ane_neon = kAne;
}  // namespace anemone::kernels
