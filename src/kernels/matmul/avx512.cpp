#include "kernels/lanes/avx512.h"

namespace {
constexpr int kTileRows = 12;
constexpr int kTilePanels = 2;
constexpr int kRowPanels = 8;
}  // namespace

#include "kernels/matmul/matmul.inl"

namespace anemone::kernels {
extern const MatmulKernels k_matmul_avx512;
constinit const MatmulKernels k_matmul_avx512 = kMatmul;
}  // namespace anemone::kernels
