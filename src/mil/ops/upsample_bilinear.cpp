#include "mil/ops/resampling.h"
#include "mil/ops/upsample.h"

namespace anemone::mil {
namespace {

enum : size_t {
  kX,
  kScaleFactorHeight,
  kScaleFactorWidth,
  kAlignCorners,
  kHalfPixelCenters,
};
constexpr DTypeSet kFactor = kFloat | kInt32;
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"scale_factor_height", kFactor, Presence::optional, BindingRule::constant},
    {"scale_factor_width", kFactor, Presence::optional, BindingRule::constant},
    {"align_corners", kBool, Presence::optional, BindingRule::constant},
    {"half_pixel_centers", kBool, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  if (in.boolean(kAlignCorners, true) && in.boolean(kHalfPixelCenters, false))
    return violates("c4", "align_corners and half_pixel_centers exclude each other");
  return infer_upsampled(in, kX, kScaleFactorHeight, kScaleFactorWidth);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const bool align = in.boolean(kAlignCorners, true);
  const SamplingMode mode = align ? SamplingMode::strict_align_corners
                            : in.boolean(kHalfPixelCenters, true) ? SamplingMode::unalign_corners
                                                                  : SamplingMode::default_;
  const Tensor& x = *in.value(kX);
  const Shape& to = outputs[0].shape();
  const size_t row = to.rank() - 2;
  resample_last_axes(x,
                     {linear_taps(mode, x.shape()[row], to[row]),
                      linear_taps(mode, x.shape()[row + 1], to[row + 1])},
                     outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_upsample_bilinear{
    .name = "upsample_bilinear",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Height and width scaled to floor(length * factor) with linear interpolation: corners "
        "coincide (align_corners, default), or elements are areas (half_pixel_centers, default "
        "without), or point i lies at i * in / out."};

}  // namespace anemone::mil
