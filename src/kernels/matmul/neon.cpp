#include "kernels/lanes/neon.h"

namespace {
constexpr int kTileRows = 4;
constexpr int kTilePanels = 1;
constexpr int kRowPanels = 4;
}  // namespace

#include "kernels/matmul/matmul.inl"

namespace anemone::kernels {
extern const MatmulKernels k_matmul_neon;
constinit const MatmulKernels k_matmul_neon = kMatmul;
}  // namespace anemone::kernels
