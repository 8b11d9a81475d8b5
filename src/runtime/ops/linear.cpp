#include "runtime/ops/product.h"

namespace anemone::runtime {

/// x [rows…, depth] times the transpose of weight [columns, depth].
std::unique_ptr<Binding> bind_linear(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const size_t x = arguments.flat("x");
  const ConstantPtr& weight = request.constants[arguments.flat("weight")];
  const bool has_bias = arguments.has("bias");
  const ConstantPtr bias = has_bias ? request.constants[arguments.flat("bias")] : nullptr;
  if (!weight || (has_bias && !bias) || arguments.shape("weight").rank() != 2 ||
      !is_kernel_dtype(request.storage[x]) || !is_kernel_dtype(request.output_storage[0]))
    return nullptr;
  const int64_t columns = arguments.shape("weight")[0];
  const int64_t depth = arguments.shape("weight")[1];
  const Shape& shape = arguments.shape("x");
  if (shape.rank() == 0 || depth == 0) return nullptr;
  auto packed = request.weights.pack(weight, {.columns = columns, .depth = depth});
  if (!packed.ok()) return nullptr;
  WeightProduct product{.rows = shape.element_count() / depth,
                        .x_row_stride = depth,
                        .y_row_stride = columns,
                        .weight = *std::move(packed),
                        .x_dtype = request.storage[x],
                        .y_dtype = request.output_storage[0],
                        .x_operand = x,
                        .kernels = &request.kernels};
  if (bias) {
    const auto values = bias->expand();
    if (!values.ok()) return nullptr;
    product.bias = to_floats(*values);
  }
  return make_weight_product(std::move(product));
}

}  // namespace anemone::runtime
