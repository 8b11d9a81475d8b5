#include "mil/ops/recurrent.h"

#include <algorithm>
#include <cmath>

#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

double hyperbolic_tangent(double x) { return std::tanh(x); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double hard_sigmoid(double x) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); }
double relu(double x) { return x < 0 ? 0 : x; }
double linear(double x) { return x; }

}  // namespace

Activation find_activation(std::string_view name) {
  struct Entry {
    std::string_view name;
    Activation function;
  };
  constexpr Entry kActivations[] = {
      {"tanh", hyperbolic_tangent},
      {"scaled_tanh", hyperbolic_tangent},  // alpha = beta = 1
      {"sigmoid", sigmoid},
      {"hard_sigmoid", hard_sigmoid},
      {"sigmoid_hard", hard_sigmoid},  // the name that rnn gives it
      {"relu", relu},
      {"linear", linear},
  };
  for (const Entry& entry : kActivations)
    if (entry.name == name) return entry.function;
  return nullptr;
}

std::optional<Violation> check_weights(const Operands& in, size_t x, const RecurrentWeights& places,
                                       int64_t gates) {
  const Shape& input = in.shape(x);
  if (input.rank() != 3) return violates("c1", "x has rank {}, expected 3", input.rank());
  const Shape& ih = in.shape(places.weight_ih);
  const Shape& hh = in.shape(places.weight_hh);
  if (hh.rank() != 2 || hh[1] < 1 || hh[0] != multiply_dims(gates, hh[1]))
    return violates("c2", "the hidden weight is {}, expected [{} H, H]", hh.to_string(), gates);
  if (ih.rank() != 2 || ih[0] != hh[0] || !dims_agree(ih[1], input[2]))
    return violates("c2", "the input weight is {}, expected [{}, {}]", ih.to_string(), hh[0],
                    input[2]);
  if (in.has(places.bias) && in.shape(places.bias) != Shape{hh[0]})
    return violates("c2", "the bias is {}, expected [{}]", in.shape(places.bias).to_string(),
                    hh[0]);
  return std::nullopt;
}

std::optional<Violation> check_initial(const Operands& in, size_t x, size_t state, int64_t width) {
  const Shape& shape = in.shape(state);
  const int64_t batch = in.shape(x)[1];
  const bool fits = shape.rank() == 2 && dims_agree(shape[1], width) &&
                    (dims_agree(shape[0], batch) || shape[0] > batch);
  if (fits) return std::nullopt;
  return violates("c3", "an initial state is {}, expected [{}, {}]", shape.to_string(), batch,
                  width);
}

std::optional<Violation> check_activation(const Operands& in, size_t p, std::string_view absent) {
  const std::string_view name = in.text(p, absent);
  if (find_activation(name) != nullptr) return std::nullopt;
  return violates("c4", "activation \"{}\" is not known", name);
}

Gates::Gates(const Operands& in, const RecurrentWeights& places)
    : features_(in.shape(places.weight_ih)[1]),
      hidden_size_(in.shape(places.weight_hh)[1]),
      ih_(hoist(*in.value(places.weight_ih))),
      hh_(hoist(*in.value(places.weight_hh))),
      bias_(in.has(places.bias)
                ? hoist(*in.value(places.bias))
                : std::vector<float>(static_cast<size_t>(in.shape(places.weight_hh)[0]))) {}

std::vector<double> read_state_row(const Tensor& state, int64_t row, int64_t first, int64_t count) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(state.at(row * state.shape()[1] + first + i));
  return values;
}

void run_sequence(const Operands& in, size_t x, size_t initial_h, int64_t hidden_size, bool reverse,
                  bool every_step, std::span<Tensor> outputs,
                  const std::function<void(const float*, std::vector<double>&)>& step) {
  const Shape& shape = in.value(x)->shape();
  const std::vector<float> inputs = hoist(*in.value(x));
  const int64_t steps = shape[0];
  const int64_t batch = shape[1];
  const int64_t features = shape[2];
  for (int64_t b = 0; b < batch; ++b) {
    std::vector<double> h = read_state_row(*in.value(initial_h), b, 0, hidden_size);
    const auto write = [&](Tensor& out, int64_t row) {
      for (int64_t j = 0; j < hidden_size; ++j)
        out.set(row * hidden_size + j, h[static_cast<size_t>(j)]);
    };
    for (int64_t i = 0; i < steps; ++i) {
      const int64_t time = reverse ? steps - 1 - i : i;
      step(inputs.data() + (time * batch + b) * features, h);
      if (every_step) write(outputs[0], i * batch + b);
    }
    if (!every_step) write(outputs[0], b);
    write(outputs[1], b);
  }
}

}  // namespace anemone::mil
