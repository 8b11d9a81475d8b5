#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "mil/op.h"

/// NumPy's broadcasting: shapes are aligned at their last axes, and a length of 1 stretches.
namespace anemone::mil {

/// The shape two operands broadcast to, or nothing when they do not fit. An unknown dimension
/// beside a length other than 1 is taken to become that length.
std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b);

/// Walks the elements of an operand in the row-major order of the shape that it is broadcast to.
class BroadcastWalk {
 public:
  BroadcastWalk(const Shape& operand, const Shape& result);
  int64_t offset() const { return offset_; }
  void next();

 private:
  Shape result_;
  std::array<int64_t, Shape::kMaxRank> strides_{};
  std::array<int64_t, Shape::kMaxRank> index_{};
  int64_t offset_ = 0;
};

/// Parameters x and y of the binary ops.
enum : size_t { kBroadcastX, kBroadcastY };

/// x's dtype and the broadcast shape. Constraints: c1 equal dtypes, c2 shapes that broadcast.
Inferred infer_broadcast(const Operands& in, size_t);
/// The same with dtype bool.
Inferred infer_comparison(const Operands& in, size_t);

/// out = F(x, y), element by element.
template <double (*F)(double, double)>
Status eval_broadcast(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kBroadcastX);
  const Tensor& y = *in.value(kBroadcastY);
  Tensor& out = outputs[0];
  BroadcastWalk x_walk(x.shape(), out.shape());
  BroadcastWalk y_walk(y.shape(), out.shape());
  for (int64_t i = 0; i < out.element_count(); ++i, x_walk.next(), y_walk.next())
    out.set(i, F(x.at(x_walk.offset()), y.at(y_walk.offset())));
  return {};
}

}  // namespace anemone::mil
