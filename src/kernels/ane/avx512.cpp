#include "kernels/lanes/avx512.h"

#include "kernels/ane/ane.inl"

namespace anemone::kernels {
extern const AneKernels k_ane_avx512;
constinit const AneKernels k_ane_avx512 = kAne;
}  // namespace anemone::kernels
