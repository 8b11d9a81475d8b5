#include "kernels/lanes/avx2.h"

#include "kernels/ane/ane.inl"

namespace anemone::kernels {
extern const AneKernels k_ane_avx2;
constinit const AneKernels k_ane_avx2 = kAne;
}  // namespace anemone::kernels
