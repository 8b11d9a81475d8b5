#include "mil/ops/recurrent.h"

namespace anemone::mil {
namespace {

constexpr int64_t kGates = 3;  ///< reset, output, update: the order of their rows.

enum : size_t {
  kX,
  kInitialH,
  kWeightIh,
  kWeightHh,
  kBias,
  kDirection,
  kOutputSequence,
  kRecurrentActivation,
  kActivation,
  kResetAfter,
  kInputBias,
};
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"initial_h", kFloat},
    {"weight_ih", kFloat, Presence::required, BindingRule::constant},
    {"weight_hh", kFloat, Presence::required, BindingRule::constant},
    {"bias", kFloat, Presence::optional, BindingRule::constant},
    {"direction", kString, Presence::optional, BindingRule::constant},
    {"output_sequence", kBool, Presence::optional, BindingRule::constant},
    {"recurrent_activation", kString, Presence::optional, BindingRule::constant},
    {"activation", kString, Presence::optional, BindingRule::constant},
    {"reset_after", kBool, Presence::optional, BindingRule::constant},
    {"input_bias", kFloat, Presence::optional, BindingRule::constant}};
constexpr RecurrentWeights kWeights{kWeightIh, kWeightHh, kInputBias};

Inferred infer(const Operands& in, size_t) {
  if (const auto wrong = check_weights(in, kX, kWeights, kGates)) return *wrong;
  const Shape& x = in.shape(kX);
  const int64_t size = in.shape(kWeightHh)[1];
  if (in.has(kBias) && in.shape(kBias) != Shape{kGates * size})
    return violates("c2", "bias is {}, expected [{}]", in.shape(kBias).to_string(), kGates * size);
  if (const auto wrong = check_initial(in, kX, kInitialH, size)) return *wrong;
  if (const auto wrong = check_activation(in, kRecurrentActivation, "sigmoid")) return *wrong;
  if (const auto wrong = check_activation(in, kActivation, "tanh")) return *wrong;
  const std::string_view direction = in.text(kDirection, "forward");
  if (direction != "forward" && direction != "reverse")
    return violates("c5", "direction is \"{}\", expected forward or reverse", direction);
  if (in.opset() < 18 && (in.has(kResetAfter) || in.has(kInputBias)))
    return violates("c6", "reset_after and input_bias take iOS18");
  const int64_t steps = in.boolean(kOutputSequence, false) ? x[0] : 1;
  return std::vector{ValueType::of(in.dtype(kX), Shape{steps, x[1], size}),
                     ValueType::of(in.dtype(kX), Shape{x[1], size})};
}

class Cell {
 public:
  explicit Cell(const Operands& in)
      : gates_(in, kWeights),
        bias_(in.has(kBias) ? hoist(*in.value(kBias))
                            : std::vector<float>(static_cast<size_t>(in.shape(kWeightHh)[0]))),
        recurrent_(find_activation(in.text(kRecurrentActivation, "sigmoid"))),
        output_(find_activation(in.text(kActivation, "tanh"))),
        reset_after_(in.boolean(kResetAfter, false)) {}

  int64_t size() const { return gates_.hidden_size(); }

  /// Replaces h by that after one step with the input x.
  void step(const float* x, std::vector<double>& h) const {
    std::vector<double> resets(h.size());
    std::vector<double> reset_h(h.size());
    for (size_t j = 0; j < h.size(); ++j) {
      resets[j] = recurrent_(of_input(0, j, x) + of_hidden(0, j, h));
      reset_h[j] = resets[j] * h[j];
    }
    std::vector<double> next(h.size());
    for (size_t j = 0; j < h.size(); ++j) {
      const double hidden =
          reset_after_ ? resets[j] * of_hidden(1, j, h) : of_hidden(1, j, reset_h);
      const double output = output_(of_input(1, j, x) + hidden);
      const double update = recurrent_(of_input(2, j, x) + of_hidden(2, j, h));
      next[j] = (1 - update) * output + update * h[j];
    }
    h = std::move(next);
  }

 private:
  double of_input(int64_t gate, size_t j, const float* x) const {
    return gates_.of_input(gate * size() + static_cast<int64_t>(j), x);
  }
  double of_hidden(int64_t gate, size_t j, const std::vector<double>& h) const {
    const int64_t row = gate * size() + static_cast<int64_t>(j);
    return gates_.of_hidden(row, h) + static_cast<double>(bias_[static_cast<size_t>(row)]);
  }

  Gates gates_;
  std::vector<float> bias_;
  Activation recurrent_;
  Activation output_;
  bool reset_after_;
};

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Cell cell(in);
  run_sequence(in, kX, kInitialH, cell.size(), in.text(kDirection, "forward") == "reverse",
               in.boolean(kOutputSequence, false), outputs,
               [&cell](const float* x, std::vector<double>& h) { cell.step(x, h); });
  return {};
}

}  // namespace

extern constinit const OpDef k_gru{
    .name = "gru",
    .parameters = kParameters,
    .outputs = {2, 2},
    .infer = infer,
    .eval = eval,
    .doc =
        "A gated recurrent unit over x [time, batch, features] with gates in the order reset, "
        "output, update; reset_after applies the reset gate to the product with weight_hh "
        "instead of to h. All steps in fp64, outputs rounded once; direction reverse yields the "
        "last time step first."};

}  // namespace anemone::mil
