#include <algorithm>
#include <array>

#include "mil/ops/rounding.h"
#include "runtime/bind.h"

namespace anemone::runtime {
namespace {

using kernels::Unary;

struct Function {
  std::string_view op;
  Unary unary;
};
constexpr std::array kFunctions = {
    Function{"abs", Unary::abs},         Function{"exp", Unary::exp},
    Function{"relu", Unary::relu},       Function{"rsqrt", Unary::rsqrt},
    Function{"sigmoid", Unary::sigmoid}, Function{"silu", Unary::silu},
    Function{"sqrt", Unary::sqrt},       Function{"square", Unary::square},
    Function{"tanh", Unary::tanh}};

std::optional<Unary> function_of(const BindRequest& request) {
  if (request.op.name == "gelu") {
    const std::string_view mode = request.arguments().text("mode", "EXACT");
    if (mode == "TANH_APPROXIMATION") return Unary::gelu_tanh;
    return mode == "SIGMOID_APPROXIMATION" ? Unary::gelu_sigmoid : Unary::gelu_exact;
  }
  for (const Function& function : kFunctions)
    if (function.op == request.op.name) return function.unary;
  return std::nullopt;
}

// Elements of the dearest functions that are worth a thread.
constexpr int64_t kGrain = 1 << 14;

class UnaryBinding final : public Binding {
 public:
  UnaryBinding(const kernels::KernelSet& kernels, Unary unary, DType dtype, size_t x, int64_t count,
               float parameter)
      : kernels_(kernels),
        run_(kernels.elementwise->unary[static_cast<size_t>(unary)][storage_index(dtype)]),
        element_bytes_(dtype == DType::fp16 ? sizeof(uint16_t) : sizeof(float)),
        x_(x),
        count_(count),
        parameter_(parameter) {}

  std::string name() const override { return "elementwise (" + std::string(kernels_.isa) + ")"; }

  Status run(const RunContext& context) const override {
    const std::byte* x = context.operands[x_].value->bytes().data();
    std::byte* y = context.outputs[0].mutable_bytes().data();
    context.pool.parallel_for(count_, kGrain, [&](int64_t first, int64_t last) {
      run_(x + first * element_bytes_, y + first * element_bytes_, last - first, parameter_);
    });
    return {};
  }

  bool joins_neighbours() const override { return true; }

  void run_neighbours(const Neighbours& all, std::span<std::byte>,
                      ThreadPool& pool) const override {
    const int64_t size = count_ * element_bytes_;
    const std::byte* x = all.operand(x_);
    std::byte* y = all.output(0);
    const int64_t x_stride = all.operand_stride(x_);
    const int64_t y_stride = all.output_stride(0);
    const bool dense = x_stride == size && y_stride == size;
    pool.parallel_for(
        all.count, kGrain / std::max<int64_t>(count_, 1) + 1, [&](int64_t first, int64_t last) {
          if (dense)
            return run_(x + first * size, y + first * size, (last - first) * count_, parameter_);
          for (int64_t i = first; i < last; ++i)
            run_(x + i * x_stride, y + i * y_stride, count_, parameter_);
        });
  }

 private:
  const kernels::KernelSet& kernels_;
  kernels::ElementwiseKernels::UnaryFunction run_;
  int64_t element_bytes_;
  size_t x_;
  int64_t count_;
  float parameter_;
};

}  // namespace

std::unique_ptr<Binding> bind_unary(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const size_t x = arguments.flat("x");
  const auto function = function_of(request);
  const DType dtype = request.storage[x];
  if (!function || !is_kernel_dtype(dtype) || request.output_storage[0] != dtype) return nullptr;
  const double parameter =
      request.op.name == "rsqrt"
          ? arguments.number("epsilon", mil::round_to(arguments.type("x").dtype, 1e-12))
          : 0.0;
  return std::make_unique<UnaryBinding>(request.kernels, *function, dtype, x,
                                        arguments.shape("x").element_count(),
                                        static_cast<float>(parameter));
}

}  // namespace anemone::runtime
