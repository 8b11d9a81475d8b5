#include "runtime/ops/product.h"

#include <algorithm>

namespace anemone::runtime {
namespace {

using kernels::kPanelColumns;

// Rows that are a power of two apart share their cache sets; converted rows lie this much further.
constexpr int64_t kRowPaddingFloats = 16;

// Products of more rows than this read their weights seldom enough.
constexpr int64_t kMostJoinedRows = 16;

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
    std::byte* y = context.outputs[0].mutable_bytes().data();
    for (int64_t batch = 0; batch < product_.batches; ++batch)
      multiply(context.pool, values + batch * product_.x_batch_stride, x_row_stride_, product_.rows,
               [&, first = batch * product_.y_batch_stride](
                   int64_t row, int64_t rows, kernels::Finish& finish, int64_t begin, int64_t end) {
                 put(finish, y, first, row, rows, begin, end);
               });
    return {};
  }

  std::optional<size_t> lane_scratch_bytes() const override {
    if (product_.rows > kMostJoinedRows || product_.batches != 1 || product_.x_depth_stride != 1)
      return std::nullopt;
    return static_cast<size_t>(product_.rows * lane_row_stride()) * sizeof(float);
  }

  int64_t weight_bytes() const override {
    return static_cast<int64_t>(product_.weight->bytes.size());
  }

  void run_lanes(std::span<const Lane> lanes, std::span<std::byte> scratch,
                 ThreadPool& pool) const override {
    auto* values = reinterpret_cast<float*>(scratch.data());
    const int64_t depth = matrix().depth;
    const int64_t stride = lane_row_stride();
    for (size_t lane = 0; lane < lanes.size(); ++lane) {
      const Tensor& x = *lanes[lane].operands[product_.x_operand].value;
      for (int64_t row = 0; row < product_.rows; ++row) {
        float* to = values + (static_cast<int64_t>(lane) * product_.rows + row) * stride;
        const int64_t from = row * product_.x_row_stride;
        if (converts_)
          product_.kernels->elementwise->to_fp32(x.values<uint16_t>().data() + from, to, depth);
        else
          std::copy_n(x.values<float>().data() + from, depth, to);
      }
    }
    const auto count = static_cast<int64_t>(lanes.size());
    multiply(pool, values, stride, count * product_.rows,
             [&](int64_t row, int64_t rows, kernels::Finish& finish, int64_t begin, int64_t end) {
               const float* sums = finish.sums;
               for (int64_t done = 0; done < rows;) {
                 const int64_t lane = (row + done) / product_.rows;
                 const int64_t first = (row + done) % product_.rows;
                 const int64_t some = std::min(product_.rows - first, rows - done);
                 finish.sums = sums + done * finish.sums_row_stride;
                 std::byte* y = lanes[static_cast<size_t>(lane)].outputs[0].mutable_bytes().data();
                 put(finish, y, 0, first, some, begin, end);
                 done += some;
               }
             });
  }

  bool joins_neighbours() const override {
    return product_.rows == 1 && lane_scratch_bytes().has_value();
  }

  /// Their rows are rows of one product.
  void run_neighbours(const Neighbours& all, std::span<std::byte> scratch,
                      ThreadPool& pool) const override {
    auto* values = reinterpret_cast<float*>(scratch.data());
    const std::byte* x = all.operand(product_.x_operand);
    const int64_t x_stride = all.operand_stride(product_.x_operand);
    const int64_t depth = matrix().depth;
    const int64_t stride = lane_row_stride();
    pool.parallel_for(all.count, kWorthAThread / depth + 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const std::byte* from = x + i * x_stride;
        if (converts_)
          product_.kernels->elementwise->to_fp32(reinterpret_cast<const uint16_t*>(from),
                                                 values + i * stride, depth);
        else
          std::copy_n(reinterpret_cast<const float*>(from), depth, values + i * stride);
      }
    });
    const int64_t y_size = product_.y_dtype == DType::fp16 ? sizeof(uint16_t) : sizeof(float);
    multiply(pool, values, stride, all.count,
             [&](int64_t row, int64_t rows, kernels::Finish& finish, int64_t begin, int64_t end) {
               finish.y_is_fp16 = product_.y_dtype == DType::fp16;
               finish.bias = product_.bias.empty() ? nullptr : product_.bias.data();
               finish.rows = rows;
               finish.columns = matrix().columns;
               finish.y_row_stride = all.output_stride(0) / y_size;
               finish.y = all.output(0) + row * all.output_stride(0);
               finish.y_column_stride = product_.y_column_stride;
               product_.kernels->matmul->finish(finish, begin, end);
             });
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

  int64_t lane_row_stride() const { return matrix().depth + kRowPaddingFloats; }

  /// Multiplies rows of x and passes every block of sums on: finish(row, rows, a Finish that has
  /// its sums, first column, last column).
  template <typename Put>
  void multiply(ThreadPool& pool, const float* x, int64_t x_row_stride, int64_t rows,
                const Put& finish) const {
    const int64_t panels = (matrix().columns + kPanelColumns - 1) / kPanelColumns;
    const int64_t work = kPanelColumns * matrix().depth * std::max<int64_t>(rows, 1);
    pool.parallel_for(panels, kWorthAThread / work + 1, [&](int64_t first, int64_t last) {
      multiply_blocks(*product_.kernels->matmul,
                      kernels::Product{.x = x,
                                       .x_row_stride = x_row_stride,
                                       .x_depth_stride = product_.x_depth_stride,
                                       .rows = rows,
                                       .matrix = matrix()},
                      first, last,
                      [&](int64_t row, int64_t some, int64_t panel, int64_t end, const float* sums,
                          int64_t stride) {
                        kernels::Finish block{.sums = sums, .sums_row_stride = stride};
                        finish(row, some, block, panel * kPanelColumns,
                               std::min(end * kPanelColumns, matrix().columns));
                      });
    });
  }

  /// Rows of sums to rows [row, row + rows) of the batch of y that begins at element `y_first`.
  void put(kernels::Finish finish, std::byte* y, int64_t y_first, int64_t row, int64_t rows,
           int64_t begin, int64_t end) const {
    finish.y_is_fp16 = product_.y_dtype == DType::fp16;
    const int64_t y_size = finish.y_is_fp16 ? sizeof(uint16_t) : sizeof(float);
    finish.bias = product_.bias.empty() ? nullptr : product_.bias.data();
    finish.rows = rows;
    finish.columns = matrix().columns;
    finish.y = y + (y_first + row * product_.y_row_stride) * y_size;
    finish.y_row_stride = product_.y_row_stride;
    finish.y_column_stride = product_.y_column_stride;
    product_.kernels->matmul->finish(finish, begin, end);
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
