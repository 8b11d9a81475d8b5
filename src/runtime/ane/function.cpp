#include <algorithm>
#include <array>

#include "kernels/ane/functions.h"
#include "mil/ops/rounding.h"
#include "runtime/ane/halves.h"

namespace anemone::runtime {
namespace {

namespace ane = kernels::ane;
using ane::Function;

struct Named {
  std::string_view op;
  Function function;
};
constexpr std::array kFunctions = {
    Named{"cos", Function::cos},         Named{"erf", Function::erf},
    Named{"exp", Function::exp},         Named{"gelu", Function::gelu},
    Named{"inverse", Function::inverse}, Named{"log", Function::log},
    Named{"rsqrt", Function::rsqrt},     Named{"sigmoid", Function::sigmoid},
    Named{"silu", Function::silu},       Named{"sin", Function::sin},
    Named{"sqrt", Function::sqrt},       Named{"tanh", Function::tanh}};

constexpr int64_t kGrain = 1 << 16;  // elements that are worth a thread

class FunctionBinding final : public Binding {
 public:
  FunctionBinding(Function function, size_t x, double epsilon)
      : results_(ane::results_of(function)), x_(x), epsilon_(epsilon) {}

  std::string name() const override { return "ane table"; }

  Status run(const RunContext& context) const override {
    const auto x = context.operands[x_].value->values<uint16_t>();
    const auto y = context.outputs[0].mutable_values<uint16_t>();
    context.pool.parallel_for(
        static_cast<int64_t>(x.size()), kGrain, [&](int64_t first, int64_t last) {
          for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(last); ++i)
            y[i] = results_[operand(x[i])];
        });
    return {};
  }

 private:
  /// The epsilon of a function is added in fp16.
  uint16_t operand(uint16_t bits) const {
    if (epsilon_ == 0) return bits;
    return ane::round_half_away(static_cast<double>(ane::decode(bits)) + epsilon_);
  }

  std::span<const uint16_t> results_;
  size_t x_;
  double epsilon_;
};

/// What the op adds to x: by default what its definition says.
double epsilon_of(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const auto given = [&](double absent) {
    return arguments.number("epsilon", mil::round_to(DType::fp16, absent));
  };
  if (request.op.name == "rsqrt") return given(1e-12);
  if (request.op.name == "inverse") return given(1e-4);
  if (request.op.name == "log") return given(1e-45);
  return 0;
}

/// The table of gelu was measured for EXACT and TANH_APPROXIMATION.
bool is_unmeasured(const BindRequest& request) {
  return request.op.name == "gelu" &&
         request.arguments().text("mode", "EXACT") == "SIGMOID_APPROXIMATION";
}

}  // namespace

std::unique_ptr<Binding> bind_ane_function(const BindRequest& request) {
  if (!computes_in_fp16(request)) return nullptr;
  if (is_unmeasured(request)) return bind_reference(request, false);
  const auto found = std::ranges::find(kFunctions, request.op.name, &Named::op);
  return std::make_unique<FunctionBinding>(found->function, request.arguments().flat("x"),
                                           epsilon_of(request));
}

}  // namespace anemone::runtime
