#include "runtime/ops/pointwise.h"
#include "runtime/ops/product.h"

namespace anemone::runtime {

/// x [batches, depth, places…] with weight [columns, depth, 1…].
std::unique_ptr<Binding> bind_conv(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const size_t x = arguments.flat("x");
  const ConstantPtr& weight = request.constants[arguments.flat("weight")];
  const bool has_bias = arguments.has("bias");
  const ConstantPtr bias = has_bias ? request.constants[arguments.flat("bias")] : nullptr;
  if (!weight || (has_bias && !bias) || !is_pointwise(arguments) ||
      !is_kernel_dtype(request.storage[x]) || !is_kernel_dtype(request.output_storage[0]))
    return nullptr;
  const int64_t columns = arguments.shape("weight")[0];
  const int64_t depth = arguments.shape("weight")[1];
  const Shape& shape = arguments.shape("x");
  if (shape.element_count() == 0) return nullptr;
  const int64_t places = shape.element_count() / shape[0] / depth;
  auto packed = request.weights.pack(weight, {.columns = columns, .depth = depth});
  if (!packed.ok()) return nullptr;
  WeightProduct product{.batches = shape[0],
                        .rows = places,
                        .x_batch_stride = depth * places,
                        .x_row_stride = 1,
                        .x_depth_stride = places,
                        .y_batch_stride = columns * places,
                        .y_row_stride = 1,
                        .y_column_stride = places,
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
