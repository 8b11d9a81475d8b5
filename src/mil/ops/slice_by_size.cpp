#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kBegin, kSize };
constexpr DTypeSet kBounds{DType::int8, DType::int16, DType::int32};
constexpr Parameter kParameters[] = {{"x", kData}, {"begin", kBounds}, {"size", kBounds}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  for (const size_t p : {kBegin, kSize})
    if (in.shape(p).rank() != 1 || !dims_agree(in.shape(p)[0], static_cast<int64_t>(x.rank())))
      return violates("c1", "{} has shape {}, expected [{}]", kParameters[p].name,
                      in.shape(p).to_string(), x.rank());
  const auto begin = in.integers(kBegin);
  const auto size = in.integers(kSize);
  Shape shape;
  for (size_t i = 0; i < x.rank(); ++i) {
    const int64_t wanted = size ? (*size)[i] : kUnknownDim;
    if (wanted < -1) return violates("c2", "size[{}] is {}, expected -1 or more", i, wanted);
    if (!begin || x[i] == kUnknownDim) {
      shape.push_back(wanted);  // -1, the rest of the axis, is not known either
      continue;
    }
    const int64_t first = (*begin)[i] < 0 ? (*begin)[i] + x[i] : (*begin)[i];
    if (first < 0 || first > x[i] || (wanted > x[i] - first))
      return violates("c3", "axis {}: begin {} and size {} leave the axis of length {}", i,
                      (*begin)[i], wanted, x[i]);
    shape.push_back(!size ? kUnknownDim : wanted == -1 ? x[i] - first : wanted);
  }
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const auto begin = in.integers(kBegin);
  const Shape& block = outputs[0].shape();
  Layout from = Layout::dense(x.shape());
  for (size_t i = 0; i < block.rank(); ++i) {
    const int64_t length = x.shape()[i];
    const int64_t first = (*begin)[i] < 0 ? (*begin)[i] + length : (*begin)[i];
    if (first < 0 || first > length || block[i] > length - first)
      return fail(ErrorCode::out_of_range, "begin[{}] is {} for {} of {} elements", i, (*begin)[i],
                  block[i], length);
    from.offset += first * from.strides[i];
  }
  copy_block(block, x, from, outputs[0], Layout::dense(block));
  return {};
}

}  // namespace

extern constinit const OpDef k_slice_by_size{
    .name = "slice_by_size",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "size[i] elements of axis i from begin[i] on; -1 means up to the end."};

}  // namespace anemone::mil
