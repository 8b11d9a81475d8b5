#include <algorithm>

#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kPad, kMode, kConstantVal };
constexpr Parameter kParameters[] = {
    {"x", kData},
    {"pad", kInt32},
    {"mode", kString, Presence::optional, BindingRule::constant},
    {"constant_val", kData, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& vector = in.shape(kPad);
  const auto rank = static_cast<int64_t>(x.rank());
  if (vector.rank() != 1 || vector[0] > 2 * rank ||
      (vector[0] != kUnknownDim && vector[0] % 2 != 0))
    return violates("c1", "pad has shape {}, expected two entries for each of at most {} axes",
                    vector.to_string(), rank);
  const std::string_view mode = in.text(kMode, "constant");
  if (mode != "constant" && mode != "reflect" && mode != "replicate")
    return violates("c2", "mode is '{}', expected constant, reflect or replicate", mode);
  const auto pad = in.integers(kPad);
  if (!pad && !dims_agree(vector[0], 2 * rank))
    return violates("c3", "pad is not constant and has {} entries, expected {}", vector[0],
                    2 * rank);
  Shape shape = x;
  const size_t padded = pad ? pad->size() / 2 : x.rank();
  for (size_t i = 0; i < padded; ++i) {
    const size_t axis = x.rank() - padded + i;
    if (!pad) {
      shape[axis] = kUnknownDim;
      continue;
    }
    const int64_t before = (*pad)[2 * i];
    const int64_t after = (*pad)[2 * i + 1];
    if (before < 0 || after < 0)
      return violates("c4", "pad of axis {} is {}, {}, expected 0 or more", axis, before, after);
    const int64_t most = std::max(before, after);
    const int64_t length = x[axis];
    if (length != kUnknownDim && most > 0 &&
        ((mode == "reflect" && most >= length) || (mode == "replicate" && length == 0)))
      return violates("c5", "axis {} of length {} cannot {} into a pad of {}", axis, length, mode,
                      most);
    shape[axis] = add_dims(length, before + after);
  }
  return infers(in.dtype(kX), shape);
}

/// The source position of each position of a padded axis.
std::vector<int64_t> mirrored(int64_t before, int64_t length, int64_t padded, bool reflect) {
  std::vector<int64_t> positions(static_cast<size_t>(padded));
  for (int64_t i = 0; i < padded; ++i) {
    int64_t position = i - before;
    if (reflect && position < 0) position = -position;
    if (reflect && position >= length) position = 2 * (length - 1) - position;
    positions[static_cast<size_t>(i)] = std::clamp<int64_t>(position, 0, length - 1);
  }
  return positions;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& shape = x.shape();
  Tensor& out = outputs[0];
  const Shape& padded = out.shape();
  const auto pad = *in.integers(kPad);
  const size_t first = shape.rank() - pad.size() / 2;
  const auto before = [&](size_t axis) { return axis < first ? 0 : pad[2 * (axis - first)]; };
  if (out.element_count() == 0) return {};

  if (in.text(kMode, "constant") == "constant") {
    const double value = in.number(kConstantVal, 0);
    for (int64_t i = 0; i < out.element_count(); ++i) out.set(i, value);
    Layout to = Layout::dense(padded);
    for (size_t axis = 0; axis < shape.rank(); ++axis) to.offset += before(axis) * to.strides[axis];
    copy_block(shape, x, Layout::dense(shape), out, to);
    return {};
  }
  std::vector<std::vector<int64_t>> sources;
  for (size_t axis = 0; axis < shape.rank(); ++axis)
    sources.push_back(
        mirrored(before(axis), shape[axis], padded[axis], in.text(kMode, "constant") == "reflect"));
  for (int64_t i = 0; i < out.element_count(); ++i) {
    int64_t from = 0;
    for (size_t axis = 0; axis < shape.rank(); ++axis)
      from += sources[axis][static_cast<size_t>(i / padded.stride(axis) % padded[axis])] *
              shape.stride(axis);
    copy_run(x, from, out, i, 1);
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_pad{
    .name = "pad",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Adds pad[2i] elements before and pad[2i+1] after the last axes: a "
        "constant, the mirror image "
        "without the edge (reflect), or the edge (replicate)."};

}  // namespace anemone::mil
