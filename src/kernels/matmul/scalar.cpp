#include "kernels/lanes/scalar.h"

namespace {
constexpr int kTileRows = 4;
constexpr int kTilePanels = 1;
constexpr int kRowPanels = 2;
}  // namespace

#include "kernels/matmul/matmul.inl"

namespace anemone::kernels {
extern const MatmulKernels k_matmul_scalar;
constinit const MatmulKernels k_matmul_scalar = kMatmul;
}  // namespace anemone::kernels
