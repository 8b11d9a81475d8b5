#include "probe/joint_products.h"

#include <algorithm>
#include <numeric>

#include "probe/point_names.h"

namespace anemone::probe {
namespace {

using Parts = std::vector<std::string>;

/// Names of the parts that a point may be joined of.
Parts parts_of(const std::string& name) {
  const PointName split = split_point(name);
  if (!split.layer) return {};
  const std::string layer = "layer." + std::to_string(*split.layer);
  if (split.part == "attention.qkv")
    return {layer + ".attention.q", layer + ".attention.k", layer + ".attention.v"};
  if (split.part == "mlp.up") return {layer + ".mlp.gate", layer + ".mlp.up"};
  return {};
}

/// The columns that each part has in `other`; nothing unless they are all there, for as many rows,
/// and together as wide as `whole`.
std::vector<int64_t> widths_of(const Parts& parts, const Tensor& whole, const Trace& other) {
  std::vector<int64_t> widths;
  for (const std::string& part : parts) {
    const Tensor* const own = other.find(part);
    if (own == nullptr || own->shape()[0] != whole.shape()[0]) return {};
    widths.push_back(own->shape()[1]);
  }
  if (std::accumulate(widths.begin(), widths.end(), int64_t{0}) != whole.shape()[1]) return {};
  return widths;
}

Tensor columns(const Tensor& whole, int64_t first, int64_t count) {
  const int64_t rows = whole.shape()[0];
  const int64_t stride = whole.shape()[1];
  Tensor part = Tensor::zeros(DType::fp32, {rows, count});
  const auto from = whole.values<float>();
  const auto to = part.mutable_values<float>();
  for (int64_t row = 0; row < rows; ++row)
    std::ranges::copy(
        from.subspan(static_cast<size_t>(row * stride + first), static_cast<size_t>(count)),
        to.begin() + static_cast<std::ptrdiff_t>(row * count));
  return part;
}

}  // namespace

Trace cut_joint_products(const Trace& trace, const Trace& other) {
  Trace result{trace.ids, {}};
  for (const NamedTensor& point : trace.points) {
    const Parts parts = parts_of(point.name);
    const std::vector<int64_t> widths = widths_of(parts, point.tensor, other);
    const bool has_parts = !parts.empty() && trace.find(parts[0]) != nullptr;
    if (widths.empty() || has_parts) {
      result.points.push_back(point);
      continue;
    }
    int64_t first = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      result.points.push_back({parts[i], columns(point.tensor, first, widths[i])});
      first += widths[i];
    }
  }
  return result;
}

}  // namespace anemone::probe
