#include "mil/ops/inference.h"
#include "mil/ops/slice.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kUpdate, kBegin, kEnd, kStride, kBeginMask, kEndMask, kSqueezeMask };
constexpr DTypeSet kBounds{DType::int8, DType::int16, DType::int32};
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"update", kData},
    {"begin", kBounds},
    {"end", kBounds},
    {"stride", kBounds, Presence::optional, BindingRule::constant},
    {"begin_mask", kBool, Presence::optional, BindingRule::constant},
    {"end_mask", kBool, Presence::optional, BindingRule::constant},
    {"squeeze_mask", kBool, Presence::optional, BindingRule::constant}};
constexpr SliceParameters kSlice{kBegin, kEnd, kStride, kBeginMask, kEndMask, kSqueezeMask};

Inferred infer(const Operands& in, size_t) {
  const auto resolved = resolve_slice(in, in.shape(kX), kSlice);
  if (const auto* violation = std::get_if<Violation>(&resolved)) return *violation;
  const Shape slice = std::get<Slice>(resolved).shape();
  if (in.shape(kUpdate).rank() == 0) return violates("c8", "update is a scalar");
  if (!shapes_agree(slice, in.shape(kUpdate)))
    return violates("c9", "update has shape {}, the slice has shape {}",
                    in.shape(kUpdate).to_string(), slice.to_string());
  if (in.dtype(kUpdate) != in.dtype(kX))
    return violates("c10", "update is {}, x is {}", to_string(in.dtype(kUpdate)),
                    to_string(in.dtype(kX)));
  return infers(in.dtype(kX), in.shape(kX));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& update = *in.value(kUpdate);
  const auto resolved = resolve_slice(in, x.shape(), kSlice);
  if (const auto* violation = std::get_if<Violation>(&resolved))
    return fail(ErrorCode::out_of_range, "{}", violation->message);
  const auto& slice = std::get<Slice>(resolved);
  if (slice.shape() != update.shape())
    return fail(ErrorCode::out_of_range, "the slice takes {} of x {}, which update {} does not fit",
                slice.shape().to_string(), x.shape().to_string(), update.shape().to_string());
  copy_all(x, outputs[0]);
  const Shape block = slice.block();
  copy_block(block, update, Layout::dense(block), outputs[0], slice.layout(x.shape()));
  return {};
}

}  // namespace

extern constinit const OpDef k_slice_update{
    .name = "slice_update",
    .first_opset = 18,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "A copy of x in which the slice chosen as by slice_by_index is replaced by update."};

}  // namespace anemone::mil
