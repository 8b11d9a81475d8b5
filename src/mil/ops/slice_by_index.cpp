#include "mil/ops/inference.h"
#include "mil/ops/slice.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kBegin, kEnd, kStride, kBeginMask, kEndMask, kSqueezeMask };
constexpr DTypeSet kBounds{DType::int8, DType::int16, DType::int32};
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"begin", kBounds},
    {"end", kBounds},
    {"stride", kBounds, Presence::optional, BindingRule::constant},
    {"begin_mask", kBool, Presence::optional, BindingRule::constant},
    {"end_mask", kBool, Presence::optional, BindingRule::constant},
    {"squeeze_mask", kBool, Presence::optional, BindingRule::constant}};
constexpr SliceParameters kSlice{kBegin, kEnd, kStride, kBeginMask, kEndMask, kSqueezeMask};

Inferred infer(const Operands& in, size_t) {
  const auto slice = resolve_slice(in, in.shape(kX), kSlice);
  if (const auto* violation = std::get_if<Violation>(&slice)) return *violation;
  return infers(in.dtype(kX), std::get<Slice>(slice).shape());
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const auto resolved = resolve_slice(in, x.shape(), kSlice);
  if (const auto* violation = std::get_if<Violation>(&resolved))
    return fail(ErrorCode::out_of_range, "{}", violation->message);
  const auto& slice = std::get<Slice>(resolved);
  if (slice.shape() != outputs[0].shape())
    return fail(ErrorCode::out_of_range, "the slice has shape {}, expected {}",
                slice.shape().to_string(), outputs[0].shape().to_string());
  const Shape block = slice.block();
  copy_block(block, x, slice.layout(x.shape()), outputs[0], Layout::dense(block));
  return {};
}

}  // namespace

extern constinit const OpDef k_slice_by_index{
    .name = "slice_by_index",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "x[begin[i]:end[i]:stride[i], …]; masks replace a bound by the end of the axis, "
        "squeeze_mask takes one index and drops the axis."};

}  // namespace anemone::mil
