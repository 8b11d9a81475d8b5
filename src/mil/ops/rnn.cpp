#include "mil/ops/recurrent.h"

namespace anemone::mil {
namespace {

enum : size_t {
  kX,
  kInitialH,
  kWeightIh,
  kWeightHh,
  kBias,
  kDirection,
  kOutputSequence,
  kActivation,
};
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"initial_h", kFloat},
    {"weight_ih", kFloat, Presence::required, BindingRule::constant},
    {"weight_hh", kFloat, Presence::required, BindingRule::constant},
    {"bias", kFloat, Presence::optional, BindingRule::constant},
    {"direction", kString, Presence::optional, BindingRule::constant},
    {"output_sequence", kBool, Presence::optional, BindingRule::constant},
    {"activation", kString, Presence::optional, BindingRule::constant}};
constexpr RecurrentWeights kWeights{kWeightIh, kWeightHh, kBias};

Inferred infer(const Operands& in, size_t) {
  constexpr int64_t kGates = 1;
  if (const auto wrong = check_weights(in, kX, kWeights, kGates)) return *wrong;
  const Shape& x = in.shape(kX);
  const int64_t size = in.shape(kWeightHh)[1];
  if (const auto wrong = check_initial(in, kX, kInitialH, size)) return *wrong;
  if (const auto wrong = check_activation(in, kActivation, "tanh")) return *wrong;
  const std::string_view direction = in.text(kDirection, "forward");
  if (direction != "forward" && direction != "reverse")
    return violates("c5", "direction is \"{}\", expected forward or reverse", direction);
  const int64_t steps = in.boolean(kOutputSequence, false) ? x[0] : 1;
  return std::vector{ValueType::of(in.dtype(kX), Shape{steps, x[1], size}),
                     ValueType::of(in.dtype(kX), Shape{x[1], size})};
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Gates gates(in, kWeights);
  const Activation activation = find_activation(in.text(kActivation, "tanh"));
  const auto step = [&](const float* x, std::vector<double>& h) {
    std::vector<double> next;
    for (int64_t j = 0; j < gates.hidden_size(); ++j)
      next.push_back(activation(gates.of_input(j, x) + gates.of_hidden(j, h)));
    h = std::move(next);
  };
  run_sequence(in, kX, kInitialH, gates.hidden_size(), in.text(kDirection, "forward") == "reverse",
               in.boolean(kOutputSequence, false), outputs, step);
  return {};
}

}  // namespace

extern constinit const OpDef k_rnn{
    .name = "rnn",
    .parameters = kParameters,
    .outputs = {2, 2},
    .infer = infer,
    .eval = eval,
    .doc =
        "h = activation(weight_ih * x + bias + weight_hh * h) over x [time, batch, features]; "
        "all steps in fp64, outputs rounded once; direction reverse yields the last time step "
        "first."};

}  // namespace anemone::mil
