#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

/// Its square still fits beside any channel count.
constexpr int64_t kMostFactor = 1 << 15;

enum : size_t { kX, kUpscaleFactor };
constexpr Parameter kParameters[] = {
    {"x", kData}, {"upscale_factor", kInt32, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() != 4) return violates("c1", "x has rank {}, expected 4", x.rank());
  const int64_t factor = in.integer(kUpscaleFactor, 1);
  if (factor < 1 || factor > kMostFactor)
    return violates("c2", "upscale_factor is {}, expected 1 to {}", factor, kMostFactor);
  if (x[1] != kUnknownDim && x[1] % (factor * factor) != 0)
    return violates("c3", "x has {} channels, not divisible by {}", x[1], factor * factor);
  return infers(in.dtype(kX),
                Shape{x[0], x[1] == kUnknownDim ? kUnknownDim : x[1] / (factor * factor),
                      multiply_dims(x[2], factor), multiply_dims(x[3], factor)});
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& shape = x.shape();
  const int64_t factor = in.integer(kUpscaleFactor, 1);
  const Shape parts{shape[0], shape[1] / (factor * factor), factor, factor, shape[2], shape[3]};
  constexpr size_t kOrder[] = {0, 1, 4, 2, 5, 3};
  copy_permuted(x, parts, kOrder, outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_pixel_shuffle{
    .name = "pixel_shuffle",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Moves channels into blocks of pixels; the channel index "
        "is (channel, row in block, column in block)."};

}  // namespace anemone::mil
