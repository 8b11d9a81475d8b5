#include "mil/ops/slice.h"

#include <algorithm>

#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

/// The entries of a vector parameter, if they are known. Nothing here allocates, since in-place
/// updates resolve their slice at every run.
struct Entries {
  const Tensor* vector;
  explicit operator bool() const { return vector != nullptr; }
  int64_t operator[](size_t axis) const {
    return static_cast<int64_t>(vector->at(static_cast<int64_t>(axis)));
  }
};

/// The length of the slice from the bounds alone; the axis may be unknown. These are the cases
/// whose result does not depend on it.
int64_t count_without_axis(const Entries& begin, const Entries& end, bool begin_mask, bool end_mask,
                           size_t axis, int64_t stride) {
  if (begin_mask || !begin) return kUnknownDim;
  const int64_t first = begin[axis];
  if (end_mask) return (first == -1 && stride > 0) || (first == 0 && stride < 0) ? 1 : kUnknownDim;
  if (!end) return kUnknownDim;
  const int64_t last = end[axis];
  if ((first < 0) != (last < 0)) return kUnknownDim;
  if (first == last) return 0;
  const int64_t distance = stride > 0 ? last - first : first - last;
  return distance > 0 && distance <= std::abs(stride) ? 1 : kUnknownDim;
}

/// A bound counted from the front, inside [before, after].
int64_t clamp_bound(int64_t bound, int64_t length, int64_t before, int64_t after) {
  return std::clamp(bound < 0 ? bound + length : bound, before, after);
}

}  // namespace

Shape Slice::shape() const {
  Shape shape;
  for (size_t i = 0; i < rank; ++i)
    if (!axes[i].squeeze) shape.push_back(axes[i].count);
  return shape;
}

Shape Slice::block() const {
  Shape shape;
  for (size_t i = 0; i < rank; ++i) shape.push_back(axes[i].count);
  return shape;
}

Layout Slice::layout(const Shape& x) const {
  Layout layout = Layout::dense(x);
  for (size_t i = 0; i < rank; ++i) {
    layout.offset += axes[i].begin * layout.strides[i];
    layout.strides[i] *= axes[i].stride;
  }
  return layout;
}

std::variant<Slice, Violation> resolve_slice(const Operands& in, const Shape& x,
                                             const SliceParameters& parameters) {
  struct Named {
    size_t parameter;
    std::string_view constraint, name;
  };
  const auto& [begin_at, end_at, stride_at, begin_mask_at, end_mask_at, squeeze_mask_at] =
      parameters;
  for (const auto& [parameter, constraint, name] :
       {Named{begin_at, "c1", "begin"}, Named{end_at, "c2", "end"},
        Named{stride_at, "c3", "stride"}, Named{begin_mask_at, "c4", "begin_mask"},
        Named{end_mask_at, "c4", "end_mask"}, Named{squeeze_mask_at, "c4", "squeeze_mask"}}) {
    if (!in.has(parameter)) continue;
    const Shape& vector = in.shape(parameter);
    if (vector.rank() != 1 || !dims_agree(vector[0], static_cast<int64_t>(x.rank())))
      return violates(constraint, "{} has shape {}, expected [{}]", name, vector.to_string(),
                      x.rank());
  }
  const Entries begin{in.value(begin_at)};
  const Entries end{in.value(end_at)};
  const Entries stride{in.value(stride_at)};
  const auto mask = [&](size_t parameter, size_t axis) {
    const Tensor* value = in.value(parameter);
    return value != nullptr && value->at(static_cast<int64_t>(axis)) != 0;
  };
  Slice slice;
  slice.rank = x.rank();
  for (size_t i = 0; i < x.rank(); ++i) {
    SliceAxis& axis = slice.axes[i];
    const int64_t length = x[i];
    axis.stride = stride ? stride[i] : 1;
    if (axis.stride == 0) return violates("c5", "stride[{}] is 0", i);
    const bool begin_mask = mask(begin_mask_at, i);
    const bool end_mask = mask(end_mask_at, i);
    axis.squeeze = mask(squeeze_mask_at, i);
    if (axis.squeeze) {
      axis.count = axis.stride = 1;
      if (!begin && !begin_mask) continue;
      const int64_t index = begin_mask ? 0 : begin[i];
      if (length == kUnknownDim) continue;
      axis.begin = index < 0 ? index + length : index;
      if (axis.begin < 0 || axis.begin >= length)
        return violates("c7", "begin[{}] is {}, the axis has length {}", i, index, length);
      continue;
    }
    const bool forwards = axis.stride > 0;
    if (begin && end && !begin_mask && !end_mask && (begin[i] < 0) == (end[i] < 0) &&
        (forwards ? end[i] < begin[i] : begin[i] < end[i]))
      return violates("c6", "axis {} ends at {} before it begins at {} (stride {})", i, end[i],
                      begin[i], axis.stride);
    if (length == kUnknownDim) {
      axis.count = count_without_axis(begin, end, begin_mask, end_mask, i, axis.stride);
      continue;
    }
    if ((!begin && !begin_mask) || (!end && !end_mask)) continue;
    const int64_t before = forwards ? 0 : -1;
    const int64_t after = forwards ? length : length - 1;
    const int64_t first =
        begin_mask ? (forwards ? before : after) : clamp_bound(begin[i], length, before, after);
    const int64_t last =
        end_mask ? (forwards ? after : before) : clamp_bound(end[i], length, before, after);
    const int64_t distance = forwards ? last - first : first - last;
    const int64_t step = std::abs(axis.stride);
    axis.begin = std::max<int64_t>(first, 0);
    axis.count = distance <= 0 ? 0 : (distance - 1) / step + 1;
  }
  return slice;
}

}  // namespace anemone::mil
