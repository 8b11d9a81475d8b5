#pragma once

#include <functional>
#include <vector>

#include "mil/op.h"
#include "mil/ops/hoist.h"

/// What lstm, gru and rnn share. H is the hidden size; every gate has H rows in the weights.
namespace anemone::mil {

using Activation = double (*)(double);

/// The activation of that name with Core ML's default constants, or null.
Activation find_activation(std::string_view name);

/// Places of the weights of one direction.
struct RecurrentWeights {
  size_t weight_ih;
  size_t weight_hh;
  size_t bias;
};

/// Constraints: c1 x is [time, batch, features]; c2 weight_ih is [gates * H, features], weight_hh
/// [gates * H, H] and bias [gates * H].
std::optional<Violation> check_weights(const Operands& in, size_t x, const RecurrentWeights& places,
                                       int64_t gates);

/// Constraint c3: an initial state is [batch or more rows, width]. Rows beyond the batch are not
/// read.
std::optional<Violation> check_initial(const Operands& in, size_t x, size_t state, int64_t width);

/// Constraint c4: the parameter names an activation.
std::optional<Violation> check_activation(const Operands& in, size_t p, std::string_view absent);

/// The weights of one direction. Products and sums run in fp64.
class Gates {
 public:
  Gates(const Operands& in, const RecurrentWeights& places);

  /// H.
  int64_t hidden_size() const { return hidden_size_; }
  /// Row `row` of weight_ih * x + bias.
  double of_input(int64_t row, const float* x) const {
    return dot(ih_.data() + row * features_, x, features_) +
           static_cast<double>(bias_[static_cast<size_t>(row)]);
  }
  /// Row `row` of weight_hh * h.
  double of_hidden(int64_t row, const std::vector<double>& h) const {
    return dot(hh_.data() + row * hidden_size_, h.data(), hidden_size_);
  }

 private:
  int64_t features_;
  int64_t hidden_size_;
  std::vector<float> ih_;
  std::vector<float> hh_;
  std::vector<float> bias_;
};

/// Row `row` of an initial state, columns [first, first + count).
std::vector<double> read_state_row(const Tensor& state, int64_t row, int64_t first, int64_t count);

/// Runs a network whose only state is h, in one direction: output 0 is h after every step in the
/// order in which they are made, or after the last one only; output 1 is the last h.
/// `step` replaces h by that after one step with an input.
void run_sequence(const Operands& in, size_t x, size_t initial_h, int64_t hidden_size, bool reverse,
                  bool every_step, std::span<Tensor> outputs,
                  const std::function<void(const float*, std::vector<double>&)>& step);

}  // namespace anemone::mil
