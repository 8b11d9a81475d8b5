#include "mil/ops/resampling.h"
#include "mil/ops/upsample.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kTargetSizeHeight, kTargetSizeWidth, kSamplingMode };
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"target_size_height", kInt32, Presence::optional, BindingRule::constant},
    {"target_size_width", kInt32, Presence::optional, BindingRule::constant},
    {"sampling_mode", kString, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  if (!parse_sampling_mode(in.text(kSamplingMode, "DEFAULT")))
    return violates("c4", "sampling_mode '{}' is unknown", in.text(kSamplingMode, "DEFAULT"));
  return infer_resized(in, kX, kTargetSizeHeight, kTargetSizeWidth);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const SamplingMode mode = *parse_sampling_mode(in.text(kSamplingMode, "DEFAULT"));
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

extern constinit const OpDef k_resize_bilinear{
    .name = "resize_bilinear",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Height and width set to the target size with linear interpolation at the points that "
        "sampling_mode chooses."};

}  // namespace anemone::mil
