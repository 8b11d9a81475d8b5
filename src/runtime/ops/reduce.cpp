#include <array>

#include "runtime/bind.h"
#include "runtime/rows.h"

namespace anemone::runtime {
namespace {

using kernels::Reduction;

struct Function {
  std::string_view op;
  Reduction reduction;
  bool is_mean = false;
};
constexpr std::array kFunctions = {
    Function{"reduce_max", Reduction::maximum}, Function{"reduce_mean", Reduction::sum, true},
    Function{"reduce_min", Reduction::minimum}, Function{"reduce_sum", Reduction::sum},
    Function{"reduce_sum_square", Reduction::sum_square}};

template <typename T>
class ReduceBinding final : public Binding {
 public:
  ReduceBinding(const kernels::KernelSet& kernels, const Function& function, size_t x,
                const Rows& rows)
      : kernels_(kernels), function_(function), x_(x), rows_(rows) {}

  std::string name() const override { return "reduce (" + std::string(kernels_.isa) + ")"; }

  size_t scratch_bytes() const override {
    const auto sums = static_cast<size_t>(rows_.count()) * sizeof(float);
    return sums + (rows_.inner == 1 ? 0 : static_cast<size_t>(rows_.length) * sizeof(T));
  }

  Status run(const RunContext& context) const override {
    const T* x = context.operands[x_].value->template values<T>().data();
    T* y = context.outputs[0].template mutable_values<T>().data();
    auto* sums = reinterpret_cast<float*>(context.scratch.data());
    T* row = reinterpret_cast<T*>(sums + rows_.count());
    const auto reduce = kernels_.rowwise->reduce[static_cast<size_t>(function_.reduction)]
                                                [sizeof(T) == sizeof(uint16_t) ? 0 : 1];
    for (int64_t r = 0; r < rows_.count(); ++r) {
      const T* values = x + r * rows_.length;
      if (rows_.inner != 1) {
        take_row(x, rows_, r, row);
        values = row;
      }
      sums[r] = reduce(values, rows_.length);
      if (function_.is_mean) sums[r] /= static_cast<float>(rows_.length);
    }
    if constexpr (sizeof(T) == sizeof(uint16_t))
      kernels_.elementwise->to_fp16(sums, y, rows_.count());
    else
      std::copy(sums, sums + rows_.count(), y);
    return {};
  }

 private:
  const kernels::KernelSet& kernels_;
  const Function& function_;
  size_t x_;
  Rows rows_;
};

}  // namespace

std::unique_ptr<Binding> bind_reduce(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const size_t x = arguments.flat("x");
  const DType dtype = request.storage[x];
  const auto rows = rows_along(arguments.shape("x"), arguments.integers("axes"));
  if (!rows || !is_kernel_dtype(dtype) || request.output_storage[0] != dtype ||
      arguments.shape("x").element_count() == 0)
    return nullptr;
  for (const Function& function : kFunctions) {
    if (function.op != request.op.name) continue;
    if (dtype == DType::fp16)
      return std::make_unique<ReduceBinding<uint16_t>>(request.kernels, function, x, *rows);
    return std::make_unique<ReduceBinding<float>>(request.kernels, function, x, *rows);
  }
  return nullptr;
}

}  // namespace anemone::runtime
