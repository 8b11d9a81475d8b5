#include <algorithm>
#include <cstring>

#include "runtime/finite.h"
#include "runtime/matrices.h"
#include "runtime/ops/product.h"

namespace anemone::runtime {
namespace {

using kernels::kPanelColumns;

/// Products of two activations, batch by batch.
///
/// The rows of a cache behind the last token of its sequence are zeros. A finite number times them
/// adds nothing, so they are passed over; the results are the same bits.
class MatmulBinding final : public Binding {
 public:
  struct Parameters {
    int64_t rows = 0;
    int64_t columns = 0;
    int64_t depth = 0;
    bool transpose_x = false;
    bool transpose_y = false;
    std::vector<int64_t> x_first;  ///< by batch: the first element of its matrices.
    std::vector<int64_t> y_first;
    int64_t x_elements = 0;
    DType x_dtype = DType::fp16;
    DType y_dtype = DType::fp16;
    DType out_dtype = DType::fp16;
    size_t x_operand = 0;
    size_t y_operand = 0;
    const kernels::KernelSet* kernels = nullptr;
  };

  explicit MatmulBinding(Parameters parameters) : p_(std::move(parameters)) {}

  std::string name() const override { return "matmul (" + std::string(p_.kernels->isa) + ")"; }

  size_t scratch_bytes() const override {
    return p_.x_dtype == DType::fp16 ? static_cast<size_t>(p_.x_elements) * sizeof(float) : 0;
  }

  Status run(const RunContext& context) const override {
    const Tensor& x = *context.operands[p_.x_operand].value;
    const float* values = nullptr;
    if (p_.x_dtype == DType::fp16) {
      auto* converted = reinterpret_cast<float*>(context.scratch.data());
      p_.kernels->elementwise->to_fp32(x.values<uint16_t>().data(), converted, p_.x_elements);
      values = converted;
    } else {
      values = x.values<float>().data();
    }
    const std::byte* y = context.operands[p_.y_operand].value->bytes().data();
    std::byte* out = context.outputs[0].mutable_bytes().data();
    const int64_t panels = (p_.columns + kPanelColumns - 1) / kPanelColumns;
    const auto batches = static_cast<int64_t>(p_.x_first.size());
    const int64_t count = rows_that_count(values, context.state_rows);
    const int64_t work = kPanelColumns * p_.depth * p_.rows;
    // Threads share the panels of all batches.
    context.pool.parallel_for(batches * panels, kWorthAThread / work + 1,
                              [&](int64_t begin, int64_t end) {
                                while (begin < end) {
                                  const int64_t batch = begin / panels;
                                  const int64_t first = begin % panels;
                                  const int64_t last = std::min(panels, first + end - begin);
                                  run_panels(values, y, out, batch, count, first, last);
                                  begin += last - first;
                                }
                              });
    return {};
  }

 private:
  int64_t y_size() const { return p_.y_dtype == DType::fp16 ? sizeof(uint16_t) : sizeof(float); }

  /// The first rows of y as it lies in memory (columns where it is transposed) that a product
  /// needs.
  int64_t rows_that_count(const float* x, std::span<const StateRows* const> state_rows) const {
    const int64_t rows = p_.transpose_y ? p_.columns : p_.depth;
    const int64_t width = p_.transpose_y ? p_.depth : p_.columns;
    const StateRows* known = state_rows.empty() ? nullptr : state_rows[p_.y_operand];
    if (known == nullptr || known->rows != rows || known->width != width || known->used >= rows)
      return rows;
    if (p_.transpose_x || p_.transpose_y) return all_finite(x, p_.x_elements) ? known->used : rows;
    for (int64_t at = 0; at < p_.x_elements; at += p_.depth)
      if (!all_finite(x + at + known->used, p_.depth - known->used)) return rows;
    return known->used;
  }

  /// Panels [first, last) of the columns; those after `count` columns of a transposed y are zeros.
  void run_panels(const float* x, const std::byte* y, std::byte* out, int64_t batch, int64_t count,
                  int64_t first, int64_t last) const {
    if (!p_.transpose_y) return multiply(x, y, out, batch, count, first, last);
    const int64_t end = std::clamp((count + kPanelColumns - 1) / kPanelColumns, first, last);
    if (first < end) multiply(x, y, out, batch, p_.depth, first, end);
    const int64_t out_size = p_.out_dtype == DType::fp16 ? sizeof(uint16_t) : sizeof(float);
    const int64_t from = end * kPanelColumns;
    const int64_t to = std::min(last * kPanelColumns, p_.columns);
    for (int64_t row = 0; row < p_.rows && from < to; ++row)
      std::memset(out + ((batch * p_.rows + row) * p_.columns + from) * out_size, 0,
                  static_cast<size_t>((to - from) * out_size));
  }

  void multiply(const float* x, const std::byte* y, std::byte* out, int64_t batch, int64_t depth,
                int64_t first, int64_t last) const {
    const auto at = static_cast<size_t>(batch);
    const kernels::MatmulKernels& kernels = *p_.kernels->matmul;
    const bool y_is_fp16 = p_.y_dtype == DType::fp16;
    const bool out_is_fp16 = p_.out_dtype == DType::fp16;
    const int64_t out_size = out_is_fp16 ? sizeof(uint16_t) : sizeof(float);
    std::byte* target = out + batch * p_.rows * p_.columns * out_size;
    kernels::Matrix matrix{
        .form = p_.transpose_y ? kernels::Matrix::Form::columns : kernels::Matrix::Form::panels,
        .is_fp16 = y_is_fp16,
        .data = y + p_.y_first[at] * y_size(),
        .columns = p_.columns,
        .depth = depth,
        .panel_stride = kPanelColumns,
        .depth_stride = p_.columns,
        .column_stride = p_.depth};
    multiply_blocks(kernels,
                    kernels::Product{.x = x + p_.x_first[at],
                                     .x_row_stride = p_.transpose_x ? 1 : p_.depth,
                                     .x_depth_stride = p_.transpose_x ? p_.rows : 1,
                                     .rows = p_.rows,
                                     .matrix = matrix},
                    first, last,
                    [&](int64_t row, int64_t rows, int64_t panel, int64_t end, const float* sums,
                        int64_t stride) {
                      kernels.finish(kernels::Finish{.sums = sums,
                                                     .sums_row_stride = stride,
                                                     .rows = rows,
                                                     .columns = p_.columns,
                                                     .y = target + row * p_.columns * out_size,
                                                     .y_is_fp16 = out_is_fp16,
                                                     .y_row_stride = p_.columns},
                                     panel * kPanelColumns,
                                     std::min(end * kPanelColumns, p_.columns));
                    });
  }

  Parameters p_;
};

/// Neighbouring batches with one y and rows of x that follow each other are one batch with more
/// rows.
void join_batches(MatmulBinding::Parameters& p) {
  const size_t batches = p.y_first.size();
  size_t group = 1;
  while (group < batches && p.y_first[group] == p.y_first[0]) ++group;
  if (group == 1 || batches % group != 0 || p.transpose_x) return;
  for (size_t b = 0; b < batches; ++b) {
    const size_t first = b / group * group;
    const auto place = static_cast<int64_t>(b - first);
    if (p.y_first[b] != p.y_first[first] ||
        p.x_first[b] != p.x_first[first] + place * p.rows * p.depth)
      return;
  }
  for (size_t b = 0; b < batches / group; ++b) {
    p.x_first[b] = p.x_first[b * group];
    p.y_first[b] = p.y_first[b * group];
  }
  p.x_first.resize(batches / group);
  p.y_first.resize(batches / group);
  p.rows *= static_cast<int64_t>(group);
}

/// x [rows…, depth] with a constant matrix y.
std::unique_ptr<Binding> bind_constant(const BindRequest& request, const ConstantPtr& constant,
                                       bool transpose_y) {
  const Arguments arguments = request.arguments();
  const size_t x = arguments.flat("x");
  const Shape& y = arguments.shape("y");
  const WeightView view{.columns = y[transpose_y ? 0 : 1],
                        .depth = y[transpose_y ? 1 : 0],
                        .columns_first = transpose_y};
  auto packed = request.weights.pack(constant, view);
  if (!packed.ok()) return nullptr;
  return make_weight_product({.rows = arguments.shape("x").element_count() / view.depth,
                              .x_row_stride = view.depth,
                              .y_row_stride = view.columns,
                              .weight = *std::move(packed),
                              .x_dtype = request.storage[x],
                              .y_dtype = request.output_storage[0],
                              .x_operand = x,
                              .kernels = &request.kernels});
}

}  // namespace

std::unique_ptr<Binding> bind_matmul(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const size_t x_at = arguments.flat("x");
  const size_t y_at = arguments.flat("y");
  const Shape& x = arguments.shape("x");
  const Shape& y = arguments.shape("y");
  if (x.rank() < 2 || y.rank() < 2 || x.element_count() == 0 || y.element_count() == 0)
    return nullptr;
  if (!is_kernel_dtype(request.storage[x_at]) || !is_kernel_dtype(request.output_storage[0]))
    return nullptr;
  const bool transpose_x = arguments.boolean("transpose_x", false);
  const bool transpose_y = arguments.boolean("transpose_y", false);
  const ConstantPtr& constant = request.constants[y_at];
  if (constant && y.rank() == 2 && !transpose_x)
    return bind_constant(request, constant, transpose_y);
  if ((constant && constant->is_compressed()) ||
      (request.constants[x_at] && request.constants[x_at]->is_compressed()) ||
      !is_kernel_dtype(request.storage[y_at]))
    return nullptr;

  MatmulBinding::Parameters p;
  p.transpose_x = transpose_x;
  p.transpose_y = transpose_y;
  p.rows = x[x.rank() - (transpose_x ? 1 : 2)];
  p.depth = x[x.rank() - (transpose_x ? 2 : 1)];
  p.columns = y[y.rank() - (transpose_y ? 2 : 1)];
  p.x_elements = x.element_count();
  p.x_dtype = request.storage[x_at];
  p.y_dtype = request.storage[y_at];
  p.out_dtype = request.output_storage[0];
  p.x_operand = x_at;
  p.y_operand = y_at;
  p.kernels = &request.kernels;
  const Shape& out = request.outputs[0].tensor.shape;
  const Shape batch(out.dims().first(out.rank() - 2));
  p.x_first = first_elements(x, batch, {});
  p.y_first = first_elements(y, batch, request.repeated_matrices);
  join_batches(p);
  return std::make_unique<MatmulBinding>(std::move(p));
}

}  // namespace anemone::runtime
