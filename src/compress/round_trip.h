#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "compress/compressor.h"
#include "mil/builder.h"
#include "mil/interpret.h"

/// For tests: a weight that goes through a compressor and comes back by the reference evaluation.
namespace anemone::compress::test {

struct RoundTrip {
  mil::Program program;  ///< compressed, with its contents.
  Tensor weight;         ///< what went in.
  Tensor decoded;        ///< what the program makes of it.
  CompressedWeight report;
  Status status;

  const mil::Operation* find(std::string_view type) const {
    for (const mil::Operation& operation : program.functions[0].block.operations)
      if (operation.type == type) return &operation;
    return nullptr;
  }
  double squared_error() const {
    double sum = 0;
    for (int64_t i = 0; i < weight.element_count(); ++i)
      sum += std::pow(decoded.at(i) - weight.at(i), 2);
    return sum;
  }
  double squared_sum() const {
    double sum = 0;
    for (int64_t i = 0; i < weight.element_count(); ++i) sum += std::pow(weight.at(i), 2);
    return sum;
  }
};

inline Tensor random_weight(DType dtype, const Shape& shape, uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, 0.05);
  Tensor tensor = Tensor::zeros(DType::fp16, shape);
  for (int64_t i = 0; i < tensor.element_count(); ++i) tensor.set(i, normal(random));
  return tensor.converted(dtype);
}

/// `reader`: "linear", "matmul" (transposes nothing) or "conv".
inline mil::Program program_over(const Tensor& weight, std::string_view reader,
                                 std::string_view opset) {
  mil::Builder builder("main", std::string(opset));
  const DType dtype = weight.dtype();
  const mil::Var w = builder.constant("layer_0_mlp_up_weight", weight);
  mil::Var y;
  if (reader == "linear") {
    const mil::Var x = builder.input("x", dtype, {1, weight.shape()[1]});
    const mil::Var bias = builder.constant("bias", Tensor::zeros(dtype, {weight.shape()[0]}));
    y = builder.add("linear", "y", {{"x", x}, {"weight", w}, {"bias", bias}});
  } else if (reader == "matmul") {
    const mil::Var x = builder.input("x", dtype, {1, weight.shape()[0]});
    y = builder.add("matmul", "y",
                    {{"x", x}, {"y", w}, {"transpose_x", false}, {"transpose_y", false}});
  } else {
    const mil::Var x = builder.input("x", dtype, {1, weight.shape()[1], 4, 4});
    y = builder.add("conv", "y",
                    {{"x", x},
                     {"weight", w},
                     {"strides", std::vector<int64_t>{1, 1}},
                     {"pad_type", "valid"},
                     {"pad", std::vector<int64_t>{0, 0, 0, 0}},
                     {"dilations", std::vector<int64_t>{1, 1}},
                     {"groups", 1}});
  }
  builder.output("out", y);
  mil::Program program;
  program.functions.push_back(std::move(builder).finish());
  return program;
}

inline RoundTrip round_trip(std::string_view spec, Tensor weight,
                            std::string_view reader = "linear", std::string_view opset = "CoreML8",
                            int threads = 2) {
  RoundTrip trip;
  trip.weight = weight;
  trip.program = program_over(weight, reader, opset);
  const auto parsed = Spec::parse(spec);
  EXPECT_TRUE(parsed.ok()) << parsed.error().to_string();
  Compressor compressor(*parsed, threads);
  trip.status = compressor.rewrite(trip.program, "model");
  if (!trip.status.ok()) return trip;
  const auto stream = compressor.stream({});
  const auto fill = [&](mil::Value& value) {
    if (!value.blob || value.tensor.defined()) return;
    const Status status = stream(*value.blob, value.type.tensor, [&](const Tensor& part) -> Status {
      value.tensor = part;
      return {};
    });
    if (!status.ok())
      trip.status = status;
    else
      EXPECT_EQ(value.tensor.dtype(), value.type.tensor.dtype);
  };
  mil::Function& function = trip.program.functions[0];
  for (mil::Operation& operation : function.block.operations) {
    for (auto& attribute : operation.attributes) fill(attribute.second);
    for (mil::Argument& argument : operation.inputs)
      for (mil::Binding& binding : argument.bindings)
        if (!binding.is_name()) fill(std::get<mil::Value>(binding.target));
  }
  if (!trip.status.ok()) return trip;
  const mil::Diagnostics faults = mil::verify(trip.program);
  EXPECT_TRUE(faults.empty()) << faults[0].to_string();
  const auto report = compressor.report();
  EXPECT_EQ(report.size(), 1u);
  if (report.size() == 1) trip.report = report[0];
  mil::Program weights_out = trip.program;
  for (const mil::Operation& operation : function.block.operations)
    for (const mil::NamedType& output : operation.outputs)
      if (output.name.ends_with("mlp_up_weight"))
        weights_out.functions[0].block.outputs = {output.name};
  const std::vector<Tensor> inputs{
      Tensor::zeros(weight.dtype(), function.inputs[0].type.tensor.shape)};
  auto outputs = mil::interpret(weights_out, "main", inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.error().to_string();
  if (outputs.ok()) trip.decoded = (*outputs)[0];
  return trip;
}

}  // namespace anemone::compress::test
