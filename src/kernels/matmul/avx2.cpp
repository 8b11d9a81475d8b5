#include "kernels/lanes/avx2.h"

namespace {
constexpr int kTileRows = 6;
constexpr int kTilePanels = 1;
constexpr int kRowPanels = 4;
}  // namespace

#include "kernels/matmul/matmul.inl"

namespace anemone::kernels {
extern const MatmulKernels k_matmul_avx2;
constinit const MatmulKernels k_matmul_avx2 = kMatmul;
}  // namespace anemone::kernels
