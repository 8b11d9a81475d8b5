#pragma once

#include <memory>
#include <vector>

#include "runtime/bind.h"

namespace anemone::runtime {

/// Products of the rows of an activation with one packed weight, for every op that comes down to
/// it. Element k of row r of batch b is at x[b * batch + r * row + k * depth], likewise y with
/// columns.
struct WeightProduct {
  int64_t batches = 1;
  int64_t rows = 0;
  int64_t x_batch_stride = 0;
  int64_t x_row_stride = 0;
  int64_t x_depth_stride = 1;
  int64_t y_batch_stride = 0;
  int64_t y_row_stride = 0;
  int64_t y_column_stride = 1;
  std::shared_ptr<const PackedWeight> weight;
  std::vector<float> bias;  ///< by column, or empty.
  DType x_dtype = DType::fp16;
  DType y_dtype = DType::fp16;
  size_t x_operand = 0;
  const kernels::KernelSet* kernels = nullptr;
};

std::unique_ptr<Binding> make_weight_product(WeightProduct product);

/// Rows whose sums are kept together while their weights pass by.
inline constexpr int64_t kRowBlock = 96;

/// Panels whose sums are kept together: many for few rows, few for many.
inline constexpr int64_t kPanelBlock = 4;
inline constexpr int64_t kMostPanels = 32;

/// Multiply-adds that are worth a thread.
inline constexpr int64_t kWorthAThread = 1 << 18;

/// Computes panels [first, last) of `product` for all its rows, block by block, and passes every
/// block of sums on: finish(row, rows, panel, panels, sums, stride).
template <typename Finish>
void multiply_blocks(const kernels::MatmulKernels& kernels, kernels::Product product, int64_t first,
                     int64_t last, const Finish& finish) {
  alignas(64) float scratch[kernels::MatmulKernels::kScratchFloats];
  alignas(64) float sums[kRowBlock * kPanelBlock * kernels::kPanelColumns];
  const int64_t all_rows = product.rows;
  const float* x = product.x;
  // Even, since kernels take panels in pairs.
  const int64_t fitting = kRowBlock * kPanelBlock / std::clamp<int64_t>(all_rows, 1, kRowBlock);
  const int64_t panel_block = std::min(kMostPanels, fitting / 2 * 2);
  for (int64_t row = 0; row < all_rows; row += kRowBlock) {
    product.rows = std::min(kRowBlock, all_rows - row);
    product.x = x + row * product.x_row_stride;
    product.out = sums;
    for (int64_t panel = first; panel < last; panel += panel_block) {
      const int64_t end = std::min(panel + panel_block, last);
      product.out_row_stride = (end - panel) * kernels::kPanelColumns;
      kernels.multiply(product, panel, end, scratch);
      finish(row, product.rows, panel, end, sums, product.out_row_stride);
    }
  }
}

}  // namespace anemone::runtime
