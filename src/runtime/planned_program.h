#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "anemone/program.h"
#include "mil/interpret.h"
#include "runtime/plan_runner.h"
#include "runtime/planner.h"

namespace anemone::runtime {

/// For tests: function `main` of a program in text form, planned and beside it interpreted.
class PlannedProgram {
 public:
  explicit PlannedProgram(const std::string& text, Numerics numerics = Numerics::fp16,
                          std::vector<Shape> shapes = {}, int threads = 1,
                          const kernels::KernelSet* kernels = nullptr)
      : pool_(threads), numerics_(numerics) {
    auto program = mil::parse(text);
    EXPECT_TRUE(program.ok()) << program.error().to_string() << "\n" << text;
    program_ = std::move(program).value();
    for (const mil::NamedType& input : function().inputs) {
      if (input.type.kind != mil::ValueType::Kind::state)
        shapes_.push_back(shapes_.size() < shapes.size() ? shapes[shapes_.size()]
                                                         : input.type.tensor.shape);
      else
        states_.push_back(
            {input.name, Tensor::zeros(stored(input.type.tensor.dtype), input.type.tensor.shape)});
    }
    for (const NamedTensor& named : states_) oracle_states_.push_back(named.tensor.clone());
    auto plan = make_plan({.function = function(),
                           .input_shapes = shapes_,
                           .numerics = numerics,
                           .kernels = kernels,
                           .weights = &weights_,
                           .threads = threads});
    if (!plan.ok()) {
      error_ = plan.error().to_string();
      return;
    }
    plan_ = std::move(plan).value();
    runner_ = std::make_unique<PlanRunner>(plan_, pool_, nullptr);
    state_ = State(states_);
  }

  const mil::Function& function() const { return *program_.find_function("main"); }
  const std::string& error() const { return error_; }
  const Plan& plan() const { return *plan_; }
  Runner& runner() { return *runner_; }
  std::unique_ptr<PlanRunner> another_runner() {
    return std::make_unique<PlanRunner>(plan_, pool_, nullptr);
  }
  State& state() { return state_; }
  const mil::Program& program() const { return program_; }

  /// Inputs as numbers, in order; the runner's outputs.
  std::vector<Tensor> run(const std::vector<std::vector<double>>& inputs) {
    fill(inputs);
    const Status status = runner_->run(&state_);
    EXPECT_TRUE(status.ok()) << status.error().to_string();
    std::vector<Tensor> outputs;
    if (status.ok())
      for (const std::string& name : runner_->output_names())
        outputs.push_back(runner_->output(name)->clone());
    return outputs;
  }

  /// The same by the reference interpreter, with states of its own.
  std::vector<Tensor> interpret(const std::vector<std::vector<double>>& inputs) {
    std::vector<Tensor> tensors;
    for (const mil::NamedType& input : function().inputs) {
      if (input.type.kind == mil::ValueType::Kind::state) continue;
      Tensor tensor = Tensor::zeros(stored(input.type.tensor.dtype), shapes_[tensors.size()]);
      const auto& values = inputs.at(tensors.size());
      for (size_t i = 0; i < values.size(); ++i) tensor.set(static_cast<int64_t>(i), values[i]);
      tensors.push_back(tensor);
    }
    auto result =
        mil::interpret(program_, "main", tensors, oracle_states_, numerics_ != Numerics::fp32);
    EXPECT_TRUE(result.ok()) << result.error().to_string();
    return result.ok() ? std::move(result).value() : std::vector<Tensor>{};
  }

  const std::vector<Tensor>& oracle_states() const { return oracle_states_; }

  void fill(const std::vector<std::vector<double>>& inputs) { fill(*runner_, inputs); }
  void fill(Runner& runner, const std::vector<std::vector<double>>& inputs) const {
    size_t next = 0;
    for (const mil::NamedType& input : function().inputs) {
      if (input.type.kind == mil::ValueType::Kind::state) continue;
      Tensor& tensor = *runner.input(input.name);
      const auto& values = inputs.at(next++);
      ASSERT_EQ(static_cast<int64_t>(values.size()), tensor.element_count()) << input.name;
      for (size_t i = 0; i < values.size(); ++i) tensor.set(static_cast<int64_t>(i), values[i]);
    }
  }

  int64_t count_steps(StepKind kind) const {
    int64_t count = 0;
    for (const Step& step : plan_->steps) count += step.kind == kind;
    return count;
  }

 private:
  DType stored(DType dtype) const {
    return numerics_ == Numerics::fp32 && dtype == DType::fp16 ? DType::fp32 : dtype;
  }

  ThreadPool pool_;
  Weights weights_;
  Numerics numerics_;
  mil::Program program_;
  std::vector<Shape> shapes_;
  std::vector<NamedTensor> states_;
  std::vector<Tensor> oracle_states_;
  std::string error_;
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<Runner> runner_;
  State state_;
};

inline std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.element_count(); ++i) values.push_back(tensor.at(i));
  return values;
}

inline std::string function_text(const std::string& inputs, const std::string& body,
                                 const std::string& outputs) {
  return "program(1.3)\n{\n func main<ios18>(" + inputs + ") {\n" + body + "\n } -> (" + outputs +
         ");\n}\n";
}

}  // namespace anemone::runtime
