#include <algorithm>
#include <array>

#include "kernels/ane/accumulator.h"
#include "runtime/ane/halves.h"
#include "runtime/matrices.h"
#include "runtime/ops/pointwise.h"

namespace anemone::runtime {
namespace {

using kernels::AneKernels;
namespace ane = kernels::ane;

/// Distances in elements: of element (row or column, depth) of a matrix.
struct Strides {
  int64_t line = 0;
  int64_t depth = 1;
};

/// Products of rows of x with columns of y, matrix by matrix.
struct Products {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t depth = 0;
  Strides x;
  Strides y;
  Strides out;                   ///< line: of rows; depth: of columns.
  std::vector<int64_t> x_first;  ///< by matrix of the result.
  std::vector<int64_t> y_first;
  size_t x_operand = 0;
  size_t y_operand = 0;
  std::optional<size_t> bias_operand{};  ///< by column.
};

constexpr int64_t kWorthAThread = 1 << 16;  // products
constexpr int64_t kRowBlock = 64;
constexpr int64_t kDepthBlock = 1024;

class ProductBinding final : public Binding {
 public:
  ProductBinding(const AneKernels& kernels, Products products)
      : kernels_(kernels), p_(std::move(products)) {}

  std::string name() const override { return "ane product"; }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(p_.rows * p_.depth) * sizeof(float);
  }

  Status run(const RunContext& context) const override {
    const uint16_t* x = halves(context, p_.x_operand);
    const uint16_t* y = halves(context, p_.y_operand);
    const uint16_t* bias = p_.bias_operand ? halves(context, *p_.bias_operand) : nullptr;
    uint16_t* out = context.outputs[0].mutable_values<uint16_t>().data();
    auto* rows = reinterpret_cast<float*>(context.scratch.data());
    for (size_t matrix = 0; matrix < p_.x_first.size(); ++matrix) {
      const Place at{x + p_.x_first[matrix], y + p_.y_first[matrix], bias,
                     out + static_cast<int64_t>(matrix) * p_.rows * p_.columns};
      for (int64_t row = 0; row < p_.rows; ++row)
        kernels_.decode(at.x + row * p_.x.line, p_.x.depth, static_cast<float>(ane::kUnitsInOne),
                        rows + row * p_.depth, p_.depth);
      context.pool.parallel_for(p_.columns, kWorthAThread / (p_.rows * p_.depth) + 1,
                                [&](int64_t first, int64_t last) {
                                  for (int64_t column = first; column < last; ++column)
                                    multiply(rows, at, column);
                                });
    }
    return {};
  }

 private:
  struct Place {
    const uint16_t* x;
    const uint16_t* y;
    const uint16_t* bias;
    uint16_t* out;
  };

  static const uint16_t* halves(const RunContext& context, size_t operand) {
    return context.operands[operand].value->values<uint16_t>().data();
  }

  void multiply(const float* x, const Place& at, int64_t column) const {
    const uint16_t* y = at.y + column * p_.y.line;
    const uint16_t bias = at.bias == nullptr ? uint16_t{0} : at.bias[column];
    const int64_t bias_units =
        std::llround(static_cast<double>(ane::decode(bias)) * ane::kUnitsInOne);
    for (int64_t row = 0; row < p_.rows; row += kRowBlock) {
      const int64_t some = std::min(kRowBlock, p_.rows - row);
      std::array<AneKernels::Sum, kRowBlock> sums{};
      for (int64_t depth = 0; depth < p_.depth; depth += kDepthBlock) {
        std::array<float, kDepthBlock> part;
        const int64_t count = std::min(kDepthBlock, p_.depth - depth);
        kernels_.decode(y + depth * p_.y.depth, p_.y.depth, 1.0f, part.data(), count);
        for (int64_t r = 0; r < some; ++r)
          kernels_.add_products(x + (row + r) * p_.depth + depth, part.data(), count,
                                &sums[static_cast<size_t>(r)]);
      }
      for (int64_t r = 0; r < some; ++r) {
        const AneKernels::Sum& sum = sums[static_cast<size_t>(r)];
        const bool certain = sum.bound < AneKernels::kCertain &&
                             std::abs(bias_units) < static_cast<int64_t>(AneKernels::kCertain);
        at.out[(row + r) * p_.out.line + column * p_.out.depth] =
            certain ? ane::finished_sum(bias_units + static_cast<int32_t>(sum.units))
                    : summed_in_order(at.x + (row + r) * p_.x.line, y, bias);
      }
    }
  }

  uint16_t summed_in_order(const uint16_t* x, const uint16_t* y, uint16_t bias) const {
    ane::Accumulator sum(bias);
    for (int64_t k = 0; k < p_.depth && !sum.overflowed(); ++k)
      sum.add_product(x[k * p_.x.depth], y[k * p_.y.depth]);
    return sum.result();
  }

  const AneKernels& kernels_;
  Products p_;
};

std::optional<size_t> bias_of(const Arguments& arguments) {
  return arguments.has("bias") ? std::optional(arguments.flat("bias")) : std::nullopt;
}

/// x [rows…, depth], weight [columns, depth].
Products linear_products(const Arguments& arguments) {
  const int64_t columns = arguments.shape("weight")[0];
  const int64_t depth = arguments.shape("weight")[1];
  return {.rows = depth == 0 ? 0 : arguments.shape("x").element_count() / depth,
          .columns = columns,
          .depth = depth,
          .x = {depth, 1},
          .y = {depth, 1},
          .out = {columns, 1},
          .x_first = {0},
          .y_first = {0},
          .x_operand = arguments.flat("x"),
          .y_operand = arguments.flat("weight"),
          .bias_operand = bias_of(arguments)};
}

/// x [batches, depth, places…], weight [columns, depth, 1…].
Products conv_products(const Arguments& arguments) {
  const Shape& x = arguments.shape("x");
  const int64_t columns = arguments.shape("weight")[0];
  const int64_t depth = arguments.shape("weight")[1];
  const int64_t places = x.element_count() / std::max<int64_t>(x[0] * depth, 1);
  Products products{.rows = places,
                    .columns = columns,
                    .depth = depth,
                    .x = {1, places},
                    .y = {depth, 1},
                    .out = {1, places},
                    .y_first = std::vector<int64_t>(static_cast<size_t>(x[0]), 0),
                    .x_operand = arguments.flat("x"),
                    .y_operand = arguments.flat("weight"),
                    .bias_operand = bias_of(arguments)};
  for (int64_t batch = 0; batch < x[0]; ++batch) products.x_first.push_back(batch * depth * places);
  return products;
}

Products matmul_products(const Arguments& arguments, const Shape& out) {
  const Shape& x = arguments.shape("x");
  const Shape& y = arguments.shape("y");
  const bool transpose_x = arguments.boolean("transpose_x", false);
  const bool transpose_y = arguments.boolean("transpose_y", false);
  const int64_t rows = x[x.rank() - (transpose_x ? 1 : 2)];
  const int64_t depth = x[x.rank() - (transpose_x ? 2 : 1)];
  const int64_t columns = y[y.rank() - (transpose_y ? 2 : 1)];
  const Shape batch(out.dims().first(out.rank() - 2));
  return {.rows = rows,
          .columns = columns,
          .depth = depth,
          .x = transpose_x ? Strides{1, rows} : Strides{depth, 1},
          .y = transpose_y ? Strides{depth, 1} : Strides{1, columns},
          .out = {columns, 1},
          .x_first = first_elements(x, batch, {}),
          .y_first = first_elements(y, batch, {}),
          .x_operand = arguments.flat("x"),
          .y_operand = arguments.flat("y")};
}

}  // namespace

/// Other convolutions than products over channels, products of vectors, and those with constants
/// in fp32 are summed by their reference evaluation.
std::unique_ptr<Binding> bind_ane_product(const BindRequest& request) {
  if (!computes_in_fp16(request)) return nullptr;
  if (!is_all_fp16(request)) return bind_reference(request, true);
  const Arguments arguments = request.arguments();
  const auto bind = [&](Products products) -> std::unique_ptr<Binding> {
    if (products.rows * products.columns * products.depth == 0) return nullptr;
    return std::make_unique<ProductBinding>(*request.kernels.ane, std::move(products));
  };
  if (request.op.name == "linear") return bind(linear_products(arguments));
  if (request.op.name == "conv")
    return is_pointwise(arguments) ? bind(conv_products(arguments)) : bind_reference(request, true);
  if (arguments.shape("x").rank() < 2 || arguments.shape("y").rank() < 2)
    return bind_reference(request, true);
  return bind(matmul_products(arguments, request.outputs[0].tensor.shape));
}

}  // namespace anemone::runtime
