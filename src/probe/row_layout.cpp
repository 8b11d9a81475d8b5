#include "probe/row_layout.h"

#include <algorithm>
#include <vector>

#include "base/float16.h"

namespace anemone::probe {
namespace {

size_t likely_axis(const Shape& shape, int64_t rows) {
  const size_t rank = shape.rank();
  std::vector<size_t> axes{rank - 1};
  if (rank == 4 && shape[2] == 1) axes.insert(axes.begin(), 1);
  if (rank == 3) axes.push_back(1);
  for (const size_t axis : axes)
    if (shape[axis] > 0 && shape.element_count() / shape[axis] == rows) return axis;
  return axes[0];
}

}  // namespace

Tensor as_floats(const Tensor& tensor) {
  if (tensor.dtype() == DType::fp32) return tensor.clone();
  if (tensor.dtype() != DType::fp16) return tensor.converted(DType::fp32);
  Tensor result = Tensor::zeros(DType::fp32, tensor.shape());
  std::ranges::transform(tensor.values<uint16_t>(), result.mutable_values<float>().begin(),
                         fp16_to_float);
  return result;
}

Tensor as_rows(const Tensor& tensor, std::optional<size_t> channel_axis, int64_t rows) {
  const Shape& shape = tensor.shape();
  const int64_t count = shape.element_count();
  if (shape.rank() == 0 || count == 0)
    return as_floats(tensor).reshaped({count, count == 0 ? 0 : 1});
  const bool known = channel_axis && *channel_axis < shape.rank();
  const size_t axis = known ? *channel_axis : likely_axis(shape, rows);
  const int64_t channels = shape[axis];
  const int64_t inner = shape.stride(axis);
  Tensor result = Tensor::zeros(DType::fp32, {count / channels, channels});
  const Tensor floats = as_floats(tensor);
  const auto from = floats.values<float>();
  const auto values = result.mutable_values<float>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t channel = i / inner % channels;
    const int64_t row = i / (inner * channels) * inner + i % inner;
    values[static_cast<size_t>(row * channels + channel)] = from[static_cast<size_t>(i)];
  }
  return result;
}

}  // namespace anemone::probe
