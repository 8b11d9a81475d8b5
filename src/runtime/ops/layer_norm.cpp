#include "mil/ops/rounding.h"
#include "runtime/bind.h"
#include "runtime/rows.h"

namespace anemone::runtime {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements that are worth a thread

template <typename T>
class LayerNormBinding final : public Binding {
 public:
  LayerNormBinding(const kernels::KernelSet& kernels, size_t x, const Rows& rows,
                   std::vector<float> gamma, std::vector<float> beta, float epsilon)
      : kernels_(kernels),
        x_(x),
        rows_(rows),
        gamma_(std::move(gamma)),
        beta_(std::move(beta)),
        epsilon_(epsilon) {}

  std::string name() const override { return "layer_norm (" + std::string(kernels_.isa) + ")"; }

  size_t scratch_bytes() const override {
    return rows_.inner == 1 ? 0 : static_cast<size_t>(rows_.length) * sizeof(T);
  }

  Status run(const RunContext& context) const override {
    const T* x = context.operands[x_].value->template values<T>().data();
    T* y = context.outputs[0].template mutable_values<T>().data();
    const auto norm = kernels_.rowwise->layer_norm[sizeof(T) == sizeof(uint16_t) ? 0 : 1];
    const float* gamma = gamma_.empty() ? nullptr : gamma_.data();
    const float* beta = beta_.empty() ? nullptr : beta_.data();
    if (rows_.inner != 1) {
      T* row = reinterpret_cast<T*>(context.scratch.data());
      for (int64_t r = 0; r < rows_.count(); ++r) {
        take_row(x, rows_, r, row);
        norm(row, gamma, beta, epsilon_, row, rows_.length);
        put_row(row, rows_, r, y);
      }
      return {};
    }
    context.pool.parallel_for(
        rows_.count(), kGrain / rows_.length + 1, [&](int64_t first, int64_t last) {
          for (int64_t r = first; r < last; ++r)
            norm(x + r * rows_.length, gamma, beta, epsilon_, y + r * rows_.length, rows_.length);
        });
    return {};
  }

  bool joins_neighbours() const override { return rows_.inner == 1; }

  void run_neighbours(const Neighbours& all, std::span<std::byte>,
                      ThreadPool& pool) const override {
    const std::byte* x = all.operand(x_);
    std::byte* y = all.output(0);
    const int64_t x_stride = all.operand_stride(x_);
    const int64_t y_stride = all.output_stride(0);
    const auto norm = kernels_.rowwise->layer_norm[sizeof(T) == sizeof(uint16_t) ? 0 : 1];
    const float* gamma = gamma_.empty() ? nullptr : gamma_.data();
    const float* beta = beta_.empty() ? nullptr : beta_.data();
    const int64_t row_bytes = rows_.length * static_cast<int64_t>(sizeof(T));
    pool.parallel_for(all.count, kGrain / (rows_.length * rows_.count()) + 1,
                      [&](int64_t first, int64_t last) {
                        for (int64_t i = first; i < last; ++i)
                          for (int64_t r = 0; r < rows_.count(); ++r)
                            norm(x + i * x_stride + r * row_bytes, gamma, beta, epsilon_,
                                 y + i * y_stride + r * row_bytes, rows_.length);
                      });
  }

 private:
  const kernels::KernelSet& kernels_;
  size_t x_;
  Rows rows_;
  std::vector<float> gamma_;
  std::vector<float> beta_;
  float epsilon_;
};

}  // namespace

std::unique_ptr<Binding> bind_layer_norm(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const size_t x = arguments.flat("x");
  const DType dtype = request.storage[x];
  const auto rows = rows_along(arguments.shape("x"), arguments.integers("axes"));
  if (!rows || !is_kernel_dtype(dtype) || request.output_storage[0] != dtype ||
      arguments.shape("x").element_count() == 0)
    return nullptr;
  const auto floats = [&](const char* parameter) {
    const Tensor* values = arguments.value(parameter);
    return values != nullptr ? to_floats(*values) : std::vector<float>{};
  };
  const auto epsilon = static_cast<float>(
      arguments.number("epsilon", mil::round_to(arguments.type("x").dtype, 1e-5)));
  if (dtype == DType::fp16)
    return std::make_unique<LayerNormBinding<uint16_t>>(request.kernels, x, *rows, floats("gamma"),
                                                        floats("beta"), epsilon);
  return std::make_unique<LayerNormBinding<float>>(request.kernels, x, *rows, floats("gamma"),
                                                   floats("beta"), epsilon);
}

}  // namespace anemone::runtime
