#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

constexpr DTypeSet kFactor{DType::int32, DType::uint32};

/// Its square still fits beside any channel count.
constexpr int64_t kMostFactor = 1 << 15;

enum : size_t { kX, kDownscaleFactor };
constexpr Parameter kParameters[] = {
    {"x", kData}, {"downscale_factor", kFactor, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() != 4) return violates("c1", "x has rank {}, expected 4", x.rank());
  const int64_t factor = in.integer(kDownscaleFactor, 1);
  if (factor < 1 || factor > kMostFactor)
    return violates("c2", "downscale_factor is {}, expected 1 to {}", factor, kMostFactor);
  for (const size_t axis : {size_t{2}, size_t{3}})
    if (x[axis] != kUnknownDim && x[axis] % factor != 0)
      return violates("c3", "axis {} has length {}, not divisible by {}", axis, x[axis], factor);
  return infers(in.dtype(kX), Shape{x[0], multiply_dims(x[1], factor * factor),
                                    x[2] == kUnknownDim ? kUnknownDim : x[2] / factor,
                                    x[3] == kUnknownDim ? kUnknownDim : x[3] / factor});
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& shape = x.shape();
  const int64_t factor = in.integer(kDownscaleFactor, 1);
  const Shape parts{shape[0], shape[1], shape[2] / factor, factor, shape[3] / factor, factor};
  constexpr size_t kOrder[] = {0, 1, 3, 5, 2, 4};
  copy_permuted(x, parts, kOrder, outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_pixel_unshuffle{
    .name = "pixel_unshuffle",
    .first_opset = 16,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Moves blocks of pixels into channels; the channel "
        "index is (channel, row in block, column in block)."};

}  // namespace anemone::mil
