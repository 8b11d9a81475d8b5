#include "runtime/ops/product.h"

#include <algorithm>

namespace anemone::runtime {
namespace {

using kernels::kPanelColumns;

class WeightProductBinding final : public Binding {
 public:
  explicit WeightProductBinding(WeightProduct product) : product_(std::move(product)) {}

  std::string name() const override {
    return "product (" + product_.weight->description + ", " + std::string(product_.kernels->isa) +
           ")";
  }

  size_t scratch_bytes() const override {
    return product_.x_dtype == DType::fp16 ? static_cast<size_t>(x_elements()) * sizeof(float) : 0;
  }

  Status run(const RunContext& context) const override {
    const Tensor& x = *context.operands[product_.x_operand].value;
    const float* values = nullptr;
    if (product_.x_dtype == DType::fp16) {
      auto* converted = reinterpret_cast<float*>(context.scratch.data());
      product_.kernels->elementwise->to_fp32(x.values<uint16_t>().data(), converted, x_elements());
      values = converted;
    } else {
      values = x.values<float>().data();
    }
    const kernels::Matrix& matrix = product_.weight->matrix;
    const int64_t panels = (matrix.columns + kPanelColumns - 1) / kPanelColumns;
    const int64_t work = kPanelColumns * matrix.depth * std::max<int64_t>(product_.rows, 1);
    std::byte* y = context.outputs[0].mutable_bytes().data();
    for (int64_t batch = 0; batch < product_.batches; ++batch)
      context.pool.parallel_for(panels, kWorthAThread / work + 1, [&](int64_t first, int64_t last) {
        run_panels(values + batch * product_.x_batch_stride, y, batch * product_.y_batch_stride,
                   first, last);
      });
    return {};
  }

 private:
  int64_t x_elements() const { return product_.batches * product_.rows * matrix().depth; }
  const kernels::Matrix& matrix() const { return product_.weight->matrix; }

  void run_panels(const float* x, std::byte* y, int64_t y_first, int64_t first,
                  int64_t last) const {
    const kernels::MatmulKernels& kernels = *product_.kernels->matmul;
    const bool y_is_fp16 = product_.y_dtype == DType::fp16;
    const int64_t y_size = y_is_fp16 ? sizeof(uint16_t) : sizeof(float);
    multiply_blocks(
        kernels,
        kernels::Product{.x = x,
                         .x_row_stride = product_.x_row_stride,
                         .x_depth_stride = product_.x_depth_stride,
                         .rows = product_.rows,
                         .matrix = matrix()},
        first, last,
        [&](int64_t row, int64_t rows, int64_t panel, int64_t end, const float* sums,
            int64_t stride) {
          kernels.finish(
              kernels::Finish{.sums = sums,
                              .sums_row_stride = stride,
                              .bias = product_.bias.empty() ? nullptr : product_.bias.data(),
                              .rows = rows,
                              .columns = matrix().columns,
                              .y = y + (y_first + row * product_.y_row_stride) * y_size,
                              .y_is_fp16 = y_is_fp16,
                              .y_row_stride = product_.y_row_stride,
                              .y_column_stride = product_.y_column_stride},
              panel * kPanelColumns, std::min(end * kPanelColumns, matrix().columns));
        });
  }

  WeightProduct product_;
};

}  // namespace

std::unique_ptr<Binding> make_weight_product(WeightProduct product) {
  return std::make_unique<WeightProductBinding>(std::move(product));
}

}  // namespace anemone::runtime
