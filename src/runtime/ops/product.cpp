#include "runtime/ops/product.h"

#include <algorithm>

namespace anemone::runtime {
namespace {

using kernels::kPanelColumns;

// Rows that are a power of two apart share their cache sets; converted rows lie this much further.
constexpr int64_t kRowPaddingFloats = 16;

class WeightProductBinding final : public Binding {
 public:
  explicit WeightProductBinding(WeightProduct product)
      : product_(std::move(product)),
        converts_(product_.x_dtype == DType::fp16),
        pads_(converts_ && product_.x_depth_stride == 1 && product_.batches == 1),
        x_row_stride_(pads_ ? matrix().depth + kRowPaddingFloats : product_.x_row_stride) {}

  std::string name() const override {
    return "product (" + product_.weight->description + ", " + std::string(product_.kernels->isa) +
           ")";
  }

  size_t scratch_bytes() const override {
    if (!converts_) return 0;
    const int64_t floats = pads_ ? product_.rows * x_row_stride_ : x_elements();
    return static_cast<size_t>(floats) * sizeof(float);
  }

  Status run(const RunContext& context) const override {
    const float* values = as_floats(*context.operands[product_.x_operand].value, context.scratch);
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
  const float* as_floats(const Tensor& x, std::span<std::byte> scratch) const {
    if (!converts_) return x.values<float>().data();
    auto* floats = reinterpret_cast<float*>(scratch.data());
    const uint16_t* halves = x.values<uint16_t>().data();
    const auto convert = product_.kernels->elementwise->to_fp32;
    if (pads_)
      for (int64_t row = 0; row < product_.rows; ++row)
        convert(halves + row * product_.x_row_stride, floats + row * x_row_stride_, matrix().depth);
    else
      convert(halves, floats, x_elements());
    return floats;
  }

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
                         .x_row_stride = x_row_stride_,
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
  bool converts_;
  bool pads_;
  int64_t x_row_stride_;  ///< of what the kernel reads.
};

}  // namespace

std::unique_ptr<Binding> make_weight_product(WeightProduct product) {
  return std::make_unique<WeightProductBinding>(std::move(product));
}

}  // namespace anemone::runtime
