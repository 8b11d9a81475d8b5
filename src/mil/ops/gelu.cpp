#include <cmath>
#include <numbers>

#include "mil/ops/elementwise.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kMode };
constexpr Parameter kParameters[] = {{"x", kFloat},
                                     {"mode", kString, Presence::optional, BindingRule::constant}};

double exact(double x) { return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)); }

double tanh_approximation(double x) {
  const double scale = std::sqrt(2 / std::numbers::pi);
  return 0.5 * x * (1 + std::tanh(scale * (x + 0.044715 * x * x * x)));
}

double sigmoid_approximation(double x) { return x / (1 + std::exp(-1.702 * x)); }

using Function = double (*)(double);

Function function_of(std::string_view mode) {
  if (mode == "EXACT") return exact;
  if (mode == "TANH_APPROXIMATION") return tanh_approximation;
  if (mode == "SIGMOID_APPROXIMATION") return sigmoid_approximation;
  return nullptr;
}

Inferred infer(const Operands& in, size_t outputs) {
  const std::string_view mode = in.text(kMode, "EXACT");
  if (function_of(mode) == nullptr)
    return violates(
        "c1", "mode is \"{}\", expected EXACT, TANH_APPROXIMATION or SIGMOID_APPROXIMATION", mode);
  return infer_like_first(in, outputs);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  map_elements(*in.value(kX), outputs[0], function_of(in.text(kMode, "EXACT")));
  return {};
}

}  // namespace

extern constinit const OpDef k_gelu{.name = "gelu",
                                    .parameters = kParameters,
                                    .infer = infer,
                                    .eval = eval,
                                    .doc =
                                        "x times the Gauss distribution function of x, or mode's "
                                        "approximation of it by tanh or sigmoid."};

}  // namespace anemone::mil
