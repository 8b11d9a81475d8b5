#include "mil/ops/broadcast.h"
#include "mil/ops/hoist.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kY, kTransposeX, kTransposeY };
constexpr Parameter kParameters[] = {
    {"x", kFloat | kInt32},
    {"y", kFloat | kInt32},
    {"transpose_x", kBool, Presence::optional, BindingRule::constant},
    {"transpose_y", kBool, Presence::optional, BindingRule::constant}};

/// An operand as a batch of matrices. A vector x is one row, a vector y is one column.
struct Matrices {
  Shape batch;
  int64_t rows;
  int64_t columns;
};

Matrices matrices_of(const Shape& shape, bool transpose, bool vector_is_row) {
  if (shape.rank() == 1)
    return vector_is_row ? Matrices{{}, 1, shape[0]} : Matrices{{}, shape[0], 1};
  const size_t rank = shape.rank();
  Matrices result{Shape(shape.dims().first(rank - 2)), shape[rank - 2], shape[rank - 1]};
  if (transpose) std::swap(result.rows, result.columns);
  return result;
}

/// iOS17 lets a constant have another dtype than the other operand, which gives the result's.
std::optional<DType> result_dtype(const Operands& in) {
  if (in.dtype(kX) == in.dtype(kY)) return in.dtype(kX);
  if (in.opset() < 17) return std::nullopt;
  if (in.at(kX).constant == in.at(kY).constant) return std::nullopt;
  return in.at(kY).constant ? in.dtype(kX) : in.dtype(kY);
}

Inferred infer(const Operands& in, size_t) {
  const bool transpose_x = in.boolean(kTransposeX, false);
  const bool transpose_y = in.boolean(kTransposeY, false);
  const size_t x_rank = in.shape(kX).rank();
  const size_t y_rank = in.shape(kY).rank();
  if (x_rank < 1 || y_rank < 1) return violates("c1", "an operand is a scalar, expected rank >= 1");
  if ((x_rank == 1 && transpose_x) || (y_rank == 1 && transpose_y))
    return violates("c2", "a vector cannot be transposed");
  const Matrices x = matrices_of(in.shape(kX), transpose_x, true);
  const Matrices y = matrices_of(in.shape(kY), transpose_y, false);
  if (x.columns != y.rows && x.columns != kUnknownDim && y.rows != kUnknownDim)
    return violates("c3", "x {} has {} columns and y {} has {} rows", in.shape(kX).to_string(),
                    x.columns, in.shape(kY).to_string(), y.rows);
  auto shape = broadcast_shapes(x.batch, y.batch);
  if (!shape)
    return violates("c4", "the batches {} of x and {} of y do not broadcast", x.batch.to_string(),
                    y.batch.to_string());
  const auto dtype = result_dtype(in);
  if (!dtype)
    return violates("c5", "x is {} and y is {}; only a constant may differ, from iOS17 on",
                    to_string(in.dtype(kX)), to_string(in.dtype(kY)));
  if (x_rank > 1) shape->push_back(x.rows);
  if (y_rank > 1) shape->push_back(y.columns);
  return infers(*dtype, *shape);
}

/// The matrix at `first`, row by row, or column by column.
std::vector<float> hoist_matrix(const Tensor& tensor, int64_t first, int64_t rows, int64_t columns,
                                bool transposed) {
  std::vector<float> stored = hoist(tensor, first, rows * columns);
  if (!transposed) return stored;
  std::vector<float> result(stored.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      result[static_cast<size_t>(row * columns + column)] =
          stored[static_cast<size_t>(column * rows + row)];
  return result;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& y = *in.value(kY);
  Tensor& out = outputs[0];
  const bool transpose_x = in.boolean(kTransposeX, false);
  const bool transpose_y = in.boolean(kTransposeY, false);
  const Matrices xm = matrices_of(x.shape(), transpose_x, true);
  const Matrices ym = matrices_of(y.shape(), transpose_y, false);
  const Shape batch = *broadcast_shapes(xm.batch, ym.batch);
  const int64_t depth = xm.columns;
  BroadcastWalk x_walk(xm.batch, batch);
  BroadcastWalk y_walk(ym.batch, batch);
  int64_t index = 0;
  for (int64_t b = 0; b < batch.element_count(); ++b, x_walk.next(), y_walk.next()) {
    const auto a = hoist_matrix(x, x_walk.offset() * xm.rows * depth, xm.rows, depth, transpose_x);
    // Columns of y lie one after the other, so every element of the product is one dot.
    const auto c = hoist_matrix(y, y_walk.offset() * depth * ym.columns, ym.columns, depth,
                                !transpose_y && y.shape().rank() > 1);
    for (int64_t row = 0; row < xm.rows; ++row)
      for (int64_t column = 0; column < ym.columns; ++column)
        out.set(index++, dot(a.data() + row * depth, c.data() + column * depth, depth));
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_matmul{
    .name = "matmul",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "The matrix product over the last two axes with NumPy's rules for vectors and batches; "
        "sums in fp64, rounded once."};

}  // namespace anemone::mil
