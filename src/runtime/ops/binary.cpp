#include <array>

#include "runtime/bind.h"

namespace anemone::runtime {
namespace {

using kernels::Binary;

struct Function {
  std::string_view op;
  Binary binary;
};
constexpr std::array kFunctions = {
    Function{"add", Binary::add},         Function{"sub", Binary::sub},
    Function{"mul", Binary::mul},         Function{"real_div", Binary::div},
    Function{"maximum", Binary::maximum}, Function{"minimum", Binary::minimum}};

/// The broadcast as nested loops over runs: neighbouring axes are one where both operands allow it.
struct Loops {
  struct Axis {
    int64_t count = 1;
    int64_t a_stride = 0;
    int64_t b_stride = 0;
  };
  std::array<Axis, Shape::kMaxRank> axes;  ///< outermost first; the last one is the run.
  size_t rank = 1;
};

int64_t stride_of(const Shape& operand, const Shape& result, size_t axis) {
  const size_t missing = result.rank() - operand.rank();
  if (axis < missing || operand[axis - missing] == 1) return 0;
  return operand.stride(axis - missing);
}

Loops join(const Shape& a, const Shape& b, const Shape& result) {
  Loops loops;
  bool started = false;
  for (size_t axis = 0; axis < result.rank(); ++axis) {
    if (result[axis] == 1) continue;
    const Loops::Axis next{result[axis], stride_of(a, result, axis), stride_of(b, result, axis)};
    Loops::Axis& last = loops.axes[loops.rank - 1];
    if (!started) {
      last = next;
      started = true;
    } else if (last.a_stride == next.a_stride * next.count &&
               last.b_stride == next.b_stride * next.count) {
      last = {last.count * next.count, next.a_stride, next.b_stride};
    } else {
      loops.axes[loops.rank++] = next;
    }
  }
  return loops;
}

constexpr int64_t kGrain = 1 << 15;  // elements that are worth a thread

class BinaryBinding final : public Binding {
 public:
  BinaryBinding(const kernels::KernelSet& kernels, Binary binary, DType dtype, size_t a, size_t b,
                const Loops& loops)
      : kernels_(kernels),
        run_(kernels.elementwise->binary[static_cast<size_t>(binary)][storage_index(dtype)]),
        element_bytes_(dtype == DType::fp16 ? sizeof(uint16_t) : sizeof(float)),
        a_(a),
        b_(b),
        loops_(loops) {
    for (size_t axis = 0; axis + 1 < loops_.rank; ++axis) runs_ *= loops_.axes[axis].count;
  }

  std::string name() const override { return "elementwise (" + std::string(kernels_.isa) + ")"; }

  Status run(const RunContext& context) const override {
    const std::byte* a = context.operands[a_].value->bytes().data();
    const std::byte* b = context.operands[b_].value->bytes().data();
    std::byte* y = context.outputs[0].mutable_bytes().data();
    const Loops::Axis& inner = loops_.axes[loops_.rank - 1];
    if (runs_ == 1) {
      context.pool.parallel_for(inner.count, kGrain, [&](int64_t first, int64_t last) {
        run_(a + first * inner.a_stride * element_bytes_, inner.a_stride,
             b + first * inner.b_stride * element_bytes_, inner.b_stride,
             y + first * element_bytes_, last - first);
      });
      return {};
    }
    context.pool.parallel_for(runs_, kGrain / inner.count + 1,
                              [&](int64_t first, int64_t last) { run_runs(a, b, y, first, last); });
    return {};
  }

  bool joins_neighbours() const override { return true; }

  void run_neighbours(const Neighbours& all, std::span<std::byte>,
                      ThreadPool& pool) const override {
    const std::byte* a = all.operand(a_);
    const std::byte* b = all.operand(b_);
    std::byte* y = all.output(0);
    const int64_t a_stride = all.operand_stride(a_);
    const int64_t b_stride = all.operand_stride(b_);
    const int64_t y_stride = all.output_stride(0);
    const Loops::Axis& inner = loops_.axes[loops_.rank - 1];
    const int64_t size = inner.count * element_bytes_;
    // One run goes on through all neighbours where each operand does.
    const auto goes_on = [&](int64_t stride, int64_t step) { return stride == step * size; };
    const bool dense = runs_ == 1 && goes_on(a_stride, inner.a_stride) &&
                       goes_on(b_stride, inner.b_stride) && y_stride == size;
    const int64_t elements = runs_ * inner.count;
    pool.parallel_for(all.count, kGrain / elements + 1, [&](int64_t first, int64_t last) {
      if (dense)
        return run_(a + first * a_stride, inner.a_stride, b + first * b_stride, inner.b_stride,
                    y + first * y_stride, (last - first) * inner.count);
      for (int64_t i = first; i < last; ++i)
        run_runs(a + i * a_stride, b + i * b_stride, y + i * y_stride, 0, runs_);
    });
  }

 private:
  void run_runs(const std::byte* a, const std::byte* b, std::byte* y, int64_t first,
                int64_t last) const {
    const Loops::Axis& inner = loops_.axes[loops_.rank - 1];
    for (int64_t run = first; run < last; ++run) {
      int64_t rest = run;
      int64_t a_at = 0;
      int64_t b_at = 0;
      for (size_t axis = loops_.rank - 1; axis-- > 0;) {
        const Loops::Axis& outer = loops_.axes[axis];
        a_at += rest % outer.count * outer.a_stride;
        b_at += rest % outer.count * outer.b_stride;
        rest /= outer.count;
      }
      run_(a + a_at * element_bytes_, inner.a_stride, b + b_at * element_bytes_, inner.b_stride,
           y + run * inner.count * element_bytes_, inner.count);
    }
  }

  const kernels::KernelSet& kernels_;
  kernels::ElementwiseKernels::BinaryFunction run_;
  int64_t element_bytes_;
  size_t a_;
  size_t b_;
  Loops loops_;
  int64_t runs_ = 1;
};

}  // namespace

std::unique_ptr<Binding> bind_binary(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const size_t a = arguments.flat("x");
  const size_t b = arguments.flat("y");
  const DType dtype = request.output_storage[0];
  const Shape& result = request.outputs[0].tensor.shape;
  if (!is_kernel_dtype(dtype) || request.storage[a] != dtype || request.storage[b] != dtype ||
      result.element_count() == 0)
    return nullptr;
  const Loops loops = join(arguments.shape("x"), arguments.shape("y"), result);
  // The kernels step by 0 or 1 inside a run; the last joined axis of a dense operand has step 1.
  for (const Function& function : kFunctions)
    if (function.op == request.op.name)
      return std::make_unique<BinaryBinding>(request.kernels, function.binary, dtype, a, b, loops);
  return nullptr;
}

}  // namespace anemone::runtime
