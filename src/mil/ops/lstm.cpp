#include <algorithm>

#include "mil/ops/recurrent.h"

namespace anemone::mil {
namespace {

constexpr int64_t kGates = 4;  ///< input, forget, output, cell: the order of their rows.

enum : size_t {
  kX,
  kInitialH,
  kInitialC,
  kWeightIh,
  kWeightHh,
  kBias,
  kPeephole,
  kWeightIhBack,
  kWeightHhBack,
  kBiasBack,
  kPeepholeBack,
  kDirection,
  kOutputSequence,
  kRecurrentActivation,
  kCellActivation,
  kActivation,
  kClip,
};
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"initial_h", kFloat},
    {"initial_c", kFloat},
    {"weight_ih", kFloat, Presence::required, BindingRule::constant},
    {"weight_hh", kFloat, Presence::required, BindingRule::constant},
    {"bias", kFloat, Presence::optional, BindingRule::constant},
    {"peephole", kFloat, Presence::optional, BindingRule::constant},
    {"weight_ih_back", kFloat, Presence::optional, BindingRule::constant},
    {"weight_hh_back", kFloat, Presence::optional, BindingRule::constant},
    {"bias_back", kFloat, Presence::optional, BindingRule::constant},
    {"peephole_back", kFloat, Presence::optional, BindingRule::constant},
    {"direction", kString, Presence::optional, BindingRule::constant},
    {"output_sequence", kBool, Presence::optional, BindingRule::constant},
    {"recurrent_activation", kString, Presence::optional, BindingRule::constant},
    {"cell_activation", kString, Presence::optional, BindingRule::constant},
    {"activation", kString, Presence::optional, BindingRule::constant},
    {"clip", kFloat, Presence::optional, BindingRule::constant}};
constexpr RecurrentWeights kWeights{kWeightIh, kWeightHh, kBias};
constexpr RecurrentWeights kWeightsBack{kWeightIhBack, kWeightHhBack, kBiasBack};

std::optional<Violation> check_peephole(const Operands& in, size_t p, int64_t hidden_size) {
  constexpr int64_t kPeepholeGates = 3;  // input, forget, output
  if (!in.has(p) || in.shape(p) == Shape{kPeepholeGates * hidden_size}) return std::nullopt;
  return violates("c6", "a peephole is {}, expected [{}]", in.shape(p).to_string(),
                  kPeepholeGates * hidden_size);
}

Inferred infer(const Operands& in, size_t) {
  if (const auto wrong = check_weights(in, kX, kWeights, kGates)) return *wrong;
  const std::string_view direction = in.text(kDirection, "forward");
  const bool both = direction == "bidirectional";
  if (!both && direction != "forward" && direction != "reverse")
    return violates("c5", "direction is \"{}\", expected forward, reverse or bidirectional",
                    direction);
  const int64_t hidden_size = in.shape(kWeightHh)[1];
  if (const auto wrong = check_peephole(in, kPeephole, hidden_size)) return *wrong;
  if (both) {
    if (!in.has(kWeightIhBack) || !in.has(kWeightHhBack))
      return violates("c7", "bidirectional needs weight_ih_back and weight_hh_back");
    if (const auto wrong = check_weights(in, kX, kWeightsBack, kGates)) return *wrong;
    if (in.shape(kWeightHhBack) != in.shape(kWeightHh))
      return violates("c7", "weight_hh_back is {} and weight_hh {}, expected one shape",
                      in.shape(kWeightHhBack).to_string(), in.shape(kWeightHh).to_string());
    if (const auto wrong = check_peephole(in, kPeepholeBack, hidden_size)) return *wrong;
  }
  const int64_t width = (both ? 2 : 1) * hidden_size;
  for (const size_t state : {kInitialH, kInitialC})
    if (const auto wrong = check_initial(in, kX, state, width)) return *wrong;
  if (const auto wrong = check_activation(in, kRecurrentActivation, "sigmoid")) return *wrong;
  if (const auto wrong = check_activation(in, kCellActivation, "tanh")) return *wrong;
  if (const auto wrong = check_activation(in, kActivation, "tanh")) return *wrong;

  const Shape& x = in.shape(kX);
  const int64_t steps = in.boolean(kOutputSequence, false) ? x[0] : 1;
  const ValueType state = ValueType::of(in.dtype(kX), Shape{x[1], width});
  return std::vector{ValueType::of(in.dtype(kX), Shape{steps, x[1], width}), state, state};
}

/// One direction of the network.
class Cell {
 public:
  Cell(const Operands& in, const RecurrentWeights& weights, size_t peephole)
      : gates_(in, weights),
        peephole_(in.has(peephole) ? hoist(*in.value(peephole)) : std::vector<float>{}),
        recurrent_(find_activation(in.text(kRecurrentActivation, "sigmoid"))),
        cell_(find_activation(in.text(kCellActivation, "tanh"))),
        output_(find_activation(in.text(kActivation, "tanh"))),
        clips_(in.has(kClip)),
        clip_(in.number(kClip, 0)) {
    if (peephole_.empty()) peephole_.resize(static_cast<size_t>(3 * gates_.hidden_size()));
  }

  int64_t hidden_size() const { return gates_.hidden_size(); }

  /// Replaces h and c by those after one step with the input x.
  void step(const float* x, std::vector<double>& h, std::vector<double>& c) const {
    const int64_t size = hidden_size();
    std::vector<double> next_h(h.size());
    for (int64_t j = 0; j < size; ++j) {
      const auto gate = [&](int64_t g) {
        return gates_.of_input(g * size + j, x) + gates_.of_hidden(g * size + j, h);
      };
      const auto peep = [&](int64_t g) {
        return static_cast<double>(peephole_[static_cast<size_t>(g * size + j)]);
      };
      double& cell = c[static_cast<size_t>(j)];
      const double input = recurrent_(gate(0) + peep(0) * cell);
      const double forget = recurrent_(gate(1) + peep(1) * cell);
      cell = forget * cell + input * cell_(gate(3));
      if (clips_) cell = std::max(std::min(cell, clip_), -clip_);
      const double output = recurrent_(gate(2) + peep(2) * cell);
      next_h[static_cast<size_t>(j)] = output * output_(cell);
    }
    h = std::move(next_h);
  }

 private:
  Gates gates_;
  std::vector<float> peephole_;
  Activation recurrent_;
  Activation cell_;
  Activation output_;
  bool clips_;
  double clip_;
};

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Shape& x_shape = in.value(kX)->shape();
  const std::vector<float> x = hoist(*in.value(kX));
  const std::string_view direction = in.text(kDirection, "forward");
  const bool both = direction == "bidirectional";
  const bool every_step = in.boolean(kOutputSequence, false);
  const int64_t steps = x_shape[0];
  const int64_t batch = x_shape[1];
  const int64_t features = x_shape[2];
  const int64_t width = outputs[1].shape()[1];

  std::vector<Cell> cells{Cell(in, kWeights, kPeephole)};
  if (both) cells.emplace_back(in, kWeightsBack, kPeepholeBack);
  for (size_t d = 0; d < cells.size(); ++d) {
    const int64_t size = cells[d].hidden_size();
    const int64_t column = static_cast<int64_t>(d) * size;
    const bool reverse = direction == "reverse" || d == 1;
    for (int64_t b = 0; b < batch; ++b) {
      std::vector<double> h = read_state_row(*in.value(kInitialH), b, column, size);
      std::vector<double> c = read_state_row(*in.value(kInitialC), b, column, size);
      const auto write = [&](Tensor& out, int64_t row, const std::vector<double>& values) {
        for (int64_t j = 0; j < size; ++j)
          out.set(row * width + column + j, values[static_cast<size_t>(j)]);
      };
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t time = reverse ? steps - 1 - step : step;
        cells[d].step(x.data() + (time * batch + b) * features, h, c);
        // A network that only runs backwards yields its steps in the order in which it makes them.
        const int64_t place = both ? time : step;
        if (every_step) write(outputs[0], place * batch + b, h);
      }
      if (!every_step) write(outputs[0], b, h);
      write(outputs[1], b, h);
      write(outputs[2], b, c);
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_lstm{
    .name = "lstm",
    .parameters = kParameters,
    .outputs = {3, 3},
    .infer = infer,
    .eval = eval,
    .doc =
        "A long short-term memory over x [time, batch, features] with gates in the order input, "
        "forget, output, cell; all steps in fp64, outputs rounded once. The cell state is "
        "clipped to clip. direction reverse yields the last time step first."};

}  // namespace anemone::mil
