#include "runtime/bind.h"
#include "runtime/rows.h"

namespace anemone::runtime {
namespace {

constexpr int64_t kGrain = 1 << 13;     // elements that are worth a thread
constexpr int64_t kStackFloats = 2048;  // longer rows take arena memory and run on one thread

template <typename T>
class SoftmaxBinding final : public Binding {
 public:
  SoftmaxBinding(const kernels::KernelSet& kernels, size_t x, const Rows& rows)
      : kernels_(kernels), x_(x), rows_(rows) {}

  std::string name() const override { return "softmax (" + std::string(kernels_.isa) + ")"; }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(rows_.length) * (sizeof(float) + sizeof(T));
  }

  Status run(const RunContext& context) const override {
    const T* x = context.operands[x_].value->template values<T>().data();
    T* y = context.outputs[0].template mutable_values<T>().data();
    auto* scratch = reinterpret_cast<float*>(context.scratch.data());
    if (rows_.length > kStackFloats) {
      run_rows(x, y, 0, rows_.count(), scratch, reinterpret_cast<T*>(scratch + rows_.length));
      return {};
    }
    context.pool.parallel_for(rows_.count(), kGrain / rows_.length + 1,
                              [&](int64_t first, int64_t last) {
                                float floats[kStackFloats];
                                T row[kStackFloats];
                                run_rows(x, y, first, last, floats, row);
                              });
    return {};
  }

 private:
  void run_rows(const T* x, T* y, int64_t first, int64_t last, float* floats, T* row) const {
    const auto softmax = kernels_.rowwise->softmax[sizeof(T) == sizeof(uint16_t) ? 0 : 1];
    for (int64_t r = first; r < last; ++r) {
      if (rows_.inner == 1) {
        softmax(x + r * rows_.length, y + r * rows_.length, rows_.length, floats);
        continue;
      }
      take_row(x, rows_, r, row);
      softmax(row, row, rows_.length, floats);
      put_row(row, rows_, r, y);
    }
  }

  const kernels::KernelSet& kernels_;
  size_t x_;
  Rows rows_;
};

}  // namespace

std::unique_ptr<Binding> bind_softmax(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const size_t x = arguments.flat("x");
  const DType dtype = request.storage[x];
  const auto rows = rows_along(arguments.shape("x"), std::vector{arguments.integer("axis", -1)});
  if (!rows || !is_kernel_dtype(dtype) || request.output_storage[0] != dtype ||
      arguments.shape("x").element_count() == 0)
    return nullptr;
  if (dtype == DType::fp16)
    return std::make_unique<SoftmaxBinding<uint16_t>>(request.kernels, x, *rows);
  return std::make_unique<SoftmaxBinding<float>>(request.kernels, x, *rows);
}

}  // namespace anemone::runtime
