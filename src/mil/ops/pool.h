#pragma once

#include "mil/ops/window.h"

/// Pools: the elements under a window become one.
namespace anemone::mil {

enum : size_t {
  kPoolX,
  kPoolKernelSizes,
  kPoolStrides,
  kPoolPadType,
  kPoolPad,
  kPoolCeilMode,
  kPoolExcludePadding,  ///< avg_pool only.
};
inline constexpr Parameter kPoolParameters[] = {
    {"x", kFloat},
    {"kernel_sizes", kInt32, Presence::required, BindingRule::constant},
    {"strides", kInt32, Presence::optional, BindingRule::constant},
    {"pad_type", kString, Presence::required, BindingRule::constant},
    {"pad", kInt32, Presence::optional, BindingRule::constant},
    {"ceil_mode", kBool, Presence::optional, BindingRule::constant},
    {"exclude_padding_from_average", kBool, Presence::optional, BindingRule::constant}};
inline constexpr std::span kPlainPoolParameters =
    std::span(kPoolParameters).first<kPoolExcludePadding>();

/// x's dtype, batch and channels. Constraints: c1 … c4 of a window; c5 what ceil_mode allows.
Inferred infer_pool(const Operands& in, size_t);

/// The elements of x under one window.
struct Pooled {
  std::vector<double> elements;  ///< without padding.
  int64_t padded_count = 0;      ///< elements and padding, without what lies behind the padding.
};

/// Every window of x becomes `pool` of it, rounded once.
void pool_windows(const Operands& in, Tensor& out, double (*pool)(const Pooled&));

template <double (*Pool)(const Pooled&)>
Status eval_pool(const Operands& in, std::span<Tensor> outputs) {
  pool_windows(in, outputs[0], Pool);
  return {};
}

}  // namespace anemone::mil
